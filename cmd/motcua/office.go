package main

// officeCommands are the tools of province IT for offices.
func officeCommands() []*command {
	return append([]*command{officeTokenCommand()}, officeChangeCommands()...)
}
