// Go's net/http: HTTP/1.1 in series, HTTP/2 in bulk.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

const fields = "name,done,error,metadata(@type,type,createTime,duration,errorCode)"

var root, authorization = os.Getenv("BENCH_ROOT"), "Bearer " + os.Getenv("BENCH_TOKEN")

func main() {
	kind := os.Args[1]
	count, err := strconv.Atoi(os.Args[2])
	check(err)
	pem, err := os.ReadFile(os.Getenv("BENCH_CA"))
	check(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	serial := strings.HasSuffix(kind, "serial")
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2: !serial,
	}}
	workers := 1
	if !serial {
		workers = 100
		if text := os.Getenv("BENCH_IN_FLIGHT"); text != "" {
			workers, err = strconv.Atoi(text)
			check(err)
		}
	}
	confirm := strings.HasPrefix(kind, "confirm")
	var next, good atomic.Int64
	step := func() bool {
		index := int(next.Add(1)) - 1
		if index >= count {
			return false
		}
		if one(client, index, confirm) {
			good.Add(1)
		}
		return true
	}
	// One first: a hundred at once would make a hundred connections.
	step()
	var all sync.WaitGroup
	for range workers {
		all.Add(1)
		go func() {
			defer all.Done()
			for step() {
			}
		}()
	}
	all.Wait()
	fmt.Printf("{\"good\":%d,\"refused\":%d}\n", good.Load(), count-int(good.Load()))
}

func one(client *http.Client, index int, confirm bool) bool {
	name := fmt.Sprintf("enterprises/LC01abcd89/devices/%016x/operations/1786048723669", index)
	fine := call(client, "POST", root+"/v1/"+name+":cancel", nil)
	if confirm {
		var told struct {
			Done  bool
			Error struct{ Code int }
		}
		query := "?" + url.Values{"fields": {fields}}.Encode()
		fine = call(client, "GET", root+"/v1/"+name+query, &told) && fine && told.Done && told.Error.Code == 1
	}
	return fine
}

func call(client *http.Client, method, url string, into any) bool {
	request, err := http.NewRequest(method, url, nil)
	check(err)
	request.Header.Set("Authorization", authorization)
	response, err := client.Do(request)
	check(err)
	body, err := io.ReadAll(response.Body)
	check(err)
	response.Body.Close()
	if into != nil && json.Unmarshal(body, into) != nil {
		return false
	}
	return response.StatusCode == 200
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
