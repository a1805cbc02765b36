// Pulumi's "hcloud" plugin for machines that can't reach Pulumi's download site: the Terraform provider that the
// official plugin is made from, behind the same bridge, under the same resource names.
package main

import (
	"context"
	"encoding/json"

	"github.com/hetznercloud/terraform-provider-hcloud/hcloud"
	pfbridge "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/tokens"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
	shimv2 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/x/muxer"
)

// version is the @pulumi/hcloud release whose resources this plugin serves.
const version = "1.41.0"

// The provider has two halves, one of each of Terraform's kits: keys, primary addresses and reverse DNS are of the newer.
func main() {
	ctx := context.Background()
	info := tfbridge.ProviderInfo{
		P:         pfbridge.MuxShimWithDisjointgPF(ctx, shimv2.NewProvider(hcloud.Provider()), hcloud.NewPluginProvider()),
		Name:      "hcloud",
		Version:   version,
		Resources: map[string]*tfbridge.ResourceInfo{},
	}
	info.P.ResourcesMap().Range(func(name string, resource shim.Resource) bool {
		// The engine's ids are text, those of some resources numbers.
		if id, ok := resource.Schema().GetOk("id"); ok && id.Type() != shim.TypeString {
			info.Resources[name] = &tfbridge.ResourceInfo{Fields: map[string]*tfbridge.SchemaInfo{"id": {Type: "string"}}}
		}
		return true
	})
	info.MustComputeTokens(tokens.SingleModule("hcloud_", "index", tokens.MakeStandard("hcloud")))
	info.SetAutonaming(255, "-")
	info.MetadataInfo = tfbridge.NewProviderMetadata(dispatch(&info))
	pfbridge.MainWithMuxer(ctx, "hcloud", info, []byte(`{"name":"hcloud","version":"`+version+`"}`))
}

// dispatch tells which half serves which resource. The official plugin has it written down when it is built.
func dispatch(info *tfbridge.ProviderInfo) []byte {
	halves := info.P.(interface {
		ResolveDispatch(*tfbridge.ProviderInfo) (muxer.DispatchTable, error)
	})
	table, err := halves.ResolveDispatch(info)
	if err != nil {
		panic(err)
	}
	metadata, err := json.Marshal(map[string]any{"mux": table})
	if err != nil {
		panic(err)
	}
	return metadata
}
