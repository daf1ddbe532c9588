// Package province runs a small province: three directory servers and a dozen offices of Khánh Hòa.
//
// [Demo] runs it as a person would meet it, on this machine: every server is a process of the same program that
// production runs, with its own data folder, identity and ports, enrolled the way province IT enrols it. Nothing in
// the servers knows that it is a demonstration. Stopping one is kill -9; cutting a line drops every packet of that
// process.
//
// The tests of this package run the same province in one process, under virtual time and over a simulated network.
package province
