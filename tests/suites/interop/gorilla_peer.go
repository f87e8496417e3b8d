// Go's gorilla/websocket, whose DEFLATE is not zlib, as a client that checks echo_server with
// compression, or as a server for the example `client`.
// usage: gorilla_peer client ws://HOST:PORT/ | gorilla_peer server
package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

const text, binary = websocket.TextMessage, websocket.BinaryMessage

func message(kind, size int) []byte {
	if kind == text {
		return []byte(strings.Repeat("aé€😀", size/4+1))[:size/10*10]
	}
	bytes := make([]byte, size)
	for i := range bytes {
		bytes[i] = byte(i % 251)
	}
	return bytes
}

func open(url string, level int) (*websocket.Conn, error) {
	dialer := websocket.Dialer{EnableCompression: true, HandshakeTimeout: 10 * time.Second}
	ws, _, err := dialer.Dial(url, nil)
	if err != nil {
		return nil, err
	}
	ws.SetReadDeadline(time.Now().Add(30 * time.Second))
	return ws, ws.SetCompressionLevel(level)
}

func expect(ws *websocket.Conn, kind int, wanted []byte) error {
	found, data, err := ws.ReadMessage()
	if err == nil && (found != kind || !bytes.Equal(data, wanted)) {
		err = fmt.Errorf("kind %d, %d bytes instead of kind %d, %d bytes", found, len(data), kind, len(wanted))
	}
	return err
}

func sizes(url string, level int) error {
	ws, err := open(url, level)
	if err != nil {
		return err
	}
	defer ws.Close()
	for _, size := range []int{0, 1, 125, 126, 127, 65535, 65536, 65537, 1 << 20, 8 << 20} {
		for _, kind := range []int{text, binary} {
			sent := message(kind, size)
			if err := ws.WriteMessage(kind, sent); err != nil {
				return err
			}
			if err := expect(ws, kind, sent); err != nil {
				return fmt.Errorf("size %d: %w", size, err)
			}
		}
	}
	return nil
}

func inOrder(url string) error {
	ws, err := open(url, 1)
	if err != nil {
		return err
	}
	defer ws.Close()
	line := func(i int) []byte {
		return []byte(fmt.Sprintf("message %d of a thousand that are much like each other", i))
	}
	go func() {
		for i := 0; i < 1000; i++ {
			ws.WriteMessage(text, line(i))
		}
	}()
	for i := 0; i < 1000; i++ {
		if err := expect(ws, text, line(i)); err != nil {
			return err
		}
	}
	return nil
}

func client(url string) int {
	failures := 0
	note := func(name string, err error) {
		if err == nil {
			fmt.Println("ok gorilla -> echo_server --deflate:", name)
		} else {
			fmt.Println("FAIL gorilla -> echo_server --deflate:", name, err)
			failures = 1
		}
	}
	for _, level := range []int{-2, 0, 1, 6, 9} {
		note(fmt.Sprint("all sizes, level ", level), sizes(url, level))
	}
	note("1000 messages in order", inOrder(url))
	return failures
}

func echo(writer http.ResponseWriter, request *http.Request) {
	upgrader := websocket.Upgrader{EnableCompression: true}
	ws, err := upgrader.Upgrade(writer, request, nil)
	if err != nil {
		return
	}
	defer ws.Close()
	for {
		kind, data, err := ws.ReadMessage()
		if err != nil || ws.WriteMessage(kind, data) != nil {
			return
		}
	}
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "client" {
		os.Exit(client(os.Args[2]))
	}
	if len(os.Args) != 2 || os.Args[1] != "server" {
		fmt.Fprintln(os.Stderr, "usage: gorilla_peer client URL | gorilla_peer server")
		os.Exit(2)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("listening on", listener.Addr())
	http.Serve(listener, http.HandlerFunc(echo))
}
