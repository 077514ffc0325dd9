// Connects twice, offering the session of the connection before, and prints the server's answers.
package main

import (
	"crypto/tls"
	"io"
	"os"
)

func main() {
	address, name, request := os.Args[1], os.Args[2], os.Args[4]
	version := map[string]uint16{"TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13}[os.Args[3]]
	config := &tls.Config{
		ServerName:         name,
		InsecureSkipVerify: true,
		MinVersion:         version,
		MaxVersion:         version,
		ClientSessionCache: tls.NewLRUClientSessionCache(1),
	}
	for range 2 {
		if err := visit(address, request, config); err != nil {
			println(err.Error())
			os.Exit(1)
		}
	}
}

func visit(address, request string, config *tls.Config) error {
	connection, err := tls.Dial("tcp", address, config)
	if err != nil {
		return err
	}
	defer connection.Close()
	if _, err := io.WriteString(connection, request); err != nil {
		return err
	}
	if _, err := io.Copy(os.Stdout, connection); err != nil {
		return err
	}
	_, err = os.Stdout.WriteString("\n")
	return err
}
