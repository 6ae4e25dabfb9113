// google.golang.org/api/androidmanagement/v1, and the generated client of long-running operations.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"

	lro "cloud.google.com/go/longrunning/autogen"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"golang.org/x/oauth2"
	"google.golang.org/api/androidmanagement/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
)

type unknown struct {
	Status  int    `json:"status"`
	Message string `json:"message"`
}

type said struct {
	Cancel  any      `json:"cancel"`
	Get     any      `json:"get"`
	List    []string `json:"list"`
	Unknown unknown  `json:"unknown"`
	Batch   any      `json:"batch"`
}

func run() error {
	ctx := context.Background()
	root, name := os.Getenv("CLIENT_ROOT"), os.Getenv("CLIENT_OPERATION")
	file, token := os.Getenv("CLIENT_CREDENTIALS"), os.Getenv("CLIENT_TOKEN")
	options := []option.ClientOption{option.WithEndpoint(root + "/")}
	if file != "" {
		options = append(options, option.WithCredentialsFile(file))
	} else {
		options = append(options, option.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token})))
	}
	service, err := androidmanagement.NewService(ctx, options...)
	if err != nil {
		return err
	}
	operations := service.Enterprises.Devices.Operations
	var result said
	// The generated client of google.longrunning.Operations repeats the name in the body.
	if file == "" {
		generic, err := lro.NewOperationsRESTClient(ctx, option.WithEndpoint(root), options[1])
		if err != nil {
			return err
		}
		defer generic.Close()
		if err := generic.CancelOperation(ctx, &longrunningpb.CancelOperationRequest{Name: name}); err != nil {
			return err
		}
	}
	if _, err := operations.Cancel(name).Do(); err != nil {
		return err
	}
	result.Cancel = map[string]any{}
	operation, err := operations.Get(name).Do()
	if err != nil {
		return err
	}
	result.Get = operation
	page, err := operations.List(path.Dir(name)).Do()
	if err != nil {
		return err
	}
	for _, each := range page.Operations {
		result.List = append(result.List, each.Name)
	}
	_, err = operations.Cancel(name + "0").Do()
	var refused *googleapi.Error
	if errors.As(err, &refused) {
		result.Unknown = unknown{refused.Code, refused.Message}
	} else if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
