// Package courier brings parcels from the outbox to their recipients and receipts back, and takes in what others send.
//
// # Sending
//
// Every name with unsettled parcels has a worker that sends them, a few at a time, oldest first, until a receipt that
// verifies is stored in the outbox. Small parcels go with their offer and never wait for large ones, which yield to them before
// every 16 KiB and keep the hours of the [Limits]; its rates bind all. It never gives up: after a failure it waits, longer each time, up to two minutes;
// [Courier.Wake], a connection from the peer, or a sighting of it cuts the wait short. A parcel that one recipient
// cannot take now does not hold up the others for it.
//
// While a recipient is out of reach for some minutes, its parcels are given to the [Carrier] too, if there is one, to be kept for
// it. They stay in the outbox all the same: what comes first settles them, and the other way has no second effect.
//
// # Receiving
//
// [Courier.Deliver] is the one way in, whichever carrier brings the parcel. In this order: a parcel taken before gets
// the same receipt; the signature must be the sender's, by a key that is trusted now, and the parcel sealed to our key; the
// chunks are staged; the content is opened; the inbox commits its effect with the receipt; the chunks are dropped. A crash
// after any step is followed by the same steps again.
//
// Each peer has a share of what is taken in at once that no other peer can use up.
//
// # What settles a parcel
//
// The recipient's signature, and nothing else: by the key it has, or, where the recipient itself hands the receipt over, by one
// that it had. What a peer says without it ("no room", "unknown sender") is noted for
// people and tried again.
package courier
