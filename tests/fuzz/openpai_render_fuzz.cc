#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "client/cluster/openpai/render.h"
#include "client/cluster/openpai/schema.h"
#include "client/templates/typed_yaml.h"

using rdev::cluster::JobSpec;
namespace openpai = rdev::cluster::openpai;

// Any text is a job that the server's rules allow and that renders to itself, or an error.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  JobSpec spec;
  spec.name = "box";
  spec.id = "0123456789";
  spec.document = JobSpec::Document{.text = std::string(reinterpret_cast<const char*>(data), size),
                                    .file = "t.yaml"};
  spec.setup = {"before"};
  spec.command = {"after"};
  const bool with_options = size % 2 == 1;
  if (with_options) {
    spec.image = "debian:12";
    spec.instances = 2;
    spec.gpus = 1;
    spec.shm_bytes = 1;
    spec.virtual_cluster = "vc";
    spec.priority = "prod";
    spec.sku = "K80";
    spec.storages = {"data"};
  }
  const openpai::RenderInput input{.agent_config = "config",
                                   .stub = "stub",
                                   .agent_sha256 = "00",
                                   .agent_size = 1,
                                   .host_public_keys = std::vector<std::string>(
                                       static_cast<std::size_t>(spec.instances), "ssh-ed25519 A"),
                                   .version = "1"};
  const auto rendered = openpai::render(spec, input);
  if (!rendered) {
    return 0;
  }
  const auto job = rdev::templates::parse_typed_yaml(rendered->body, "body");
  if (!job || !openpai::problems(job->value()).empty()) {
    std::abort();
  }
  spec.document->text = rendered->body;
  const auto again = openpai::render(spec, input);
  if (!again || again->body != rendered->body) {
    std::abort();
  }
  return 0;
}
