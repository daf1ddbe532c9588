// Package relay keeps sealed parcels for recipients that are away, so that sender and recipient need never be up together.
//
// # What is promised
//
//   - "Kept" is said after the parcel and its chunks are durable, and what is kept is brought to its recipient until that has
//     answered, by the same steps as by its sender: [Relay] has a courier whose outbox it is.
//   - The recipient's receipt is kept, and brought to the sender until that has taken it in.
//   - Nothing is thrown away because time has passed. What has been here too long, or longer than its sender gave it, is listed as
//     overdue until a person drops it with a reason, which the sender is then told.
//   - A sender, a recipient and all of them together take no more room than [Quota] says.
//   - Nobody can read what is kept here: it is sealed to the recipient.
//
// # What is not
//
// A relay is not believed. The sender's outbox holds a parcel until the recipient's own signature has come; one that a relay has
// lost, or says it has and has not, is offered to another after some hours. What a relay alters does not verify.
//
// # What a relay knows
//
// Who sends to whom, when, and how much.
package relay
