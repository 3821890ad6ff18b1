#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.h"

namespace rdev::templates {

// A cluster as the Python tools `pai` and `opai` kept it in ~/.openpai/clusters.yaml.
struct OldCluster {
  std::string alias;
  std::string uri;              // without a scheme it is http
  std::string user;             // may be empty, as the secrets
  std::string password, token;  // in clear
};

// Code::kUsage "FILE:LINE:COLUMN: …" for what is no such list; no error quotes a secret. What else
// the tools kept there is left out.
Result<std::vector<OldCluster>> parse_old_clusters(std::string_view text, const std::string& file);

// The name that the cluster gets: lower case, '-' for what a name may not have.
std::string name_of_alias(std::string_view alias);

}  // namespace rdev::templates
