// Package node tells the life of a dossier; the code is in the packages below it.
//
// A citizen opens the portal of any node ([motcua/node/web]), fills a form ([motcua/node/form]) and attaches papers
// ([motcua/node/blob]). Submitting makes a signed submission, sent as a parcel to the office in charge, even when that
// is this very office: there is one way to arrive.
//
// At the office in charge a desk officer accepts it. That is the first event of the dossier's root chain
// ([motcua/node/dossier]): it gives the official code and the due date ([motcua/node/calendar]). Specialists
// process steps. A step that belongs to another office becomes a child: the root chain records the request and, in
// the same transaction ([motcua/node/store]), the parcel that carries it is put in the outbox. The other office works
// on its own child chain and reports back; the root office returns the result.
//
// When an office closes, it hands over what it has in progress, chain by chain: its last event names the office that takes over by
// the directory, a parcel carries the dossier there, and the first event of that office goes on with it. Code, due date and
// history stay.
//
// Every use case ([motcua/node/office]) has one shape: load, decide, sign, append. Decide is pure and knows the rules;
// the bytes that are signed are kept for ever; the append is one transaction that expects the head it decided on.
package node
