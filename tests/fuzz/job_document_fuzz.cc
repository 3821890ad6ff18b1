#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "client/cluster/openpai/document.h"
#include "client/templates/old_clusters.h"

namespace openpai = rdev::cluster::openpai;
namespace templates = rdev::templates;

// The first line is an assignment for --set, the rest a job's document of either version (and, for
// all we know, the clusters of an old tool). What is made ready is what the server takes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string rest = text.substr(std::min(end + 1, text.size()));
  const auto clusters = templates::parse_old_clusters(rest, "t.yaml");
  for (const auto& cluster : clusters.value_or(std::vector<templates::OldCluster>())) {
    if (templates::name_of_alias(cluster.alias).size() > 31 + 4) {
      std::abort();
    }
  }
  const auto document = templates::parse_typed_yaml(rest, "t.yaml");
  if (!document) {
    return 0;
  }
  openpai::Edits edits;
  if (end > 0) {
    edits.sets = {text.substr(0, end)};
  }
  const auto job = openpai::make_ready(*document, edits);
  if (!job) {
    return 0;
  }
  const auto sent = templates::parse_typed_yaml(job->body, "body");
  if (sent ? !openpai::problems(sent->value()).empty() : sent.error().code != rdev::Code::kLimit) {
    std::abort();
  }
  return 0;
}
