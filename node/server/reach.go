package server

// Reach tells how many peers answer at present and how many the directory names, this node left out of both.
func (n *Server) Reach() (up, known int) {
	known = len(n.replica.Nodes()) + len(n.replica.Members())
	if _, enrolled := n.replica.Node(n.enrolment.Office); enrolled {
		known--
	}
	return len(n.gossip.Members()), known
}

// DirectoryInReach tells whether a server of the directory answers at present.
func (n *Server) DirectoryInReach() bool {
	for _, m := range n.gossip.Members() {
		if n.isMember(m.Name) {
			return true
		}
	}
	return false
}
