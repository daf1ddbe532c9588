package main

import (
	"motcua/cmd/admin"
)

func directoryTool(name, dir string) (*admin.Client, error) {
	if err := requireData(name, dir); err != nil {
		return nil, err
	}
	return admin.NewClient(dir)
}

const directoryFolder = "`folder` of a running directory server"
