#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "client/state/paths.h"
#include "protocol/base/result.h"

namespace rdev::templates {

// A cluster that the user has added: clusters/NAME.yaml in the configuration directory, which a
// person may edit. (One file each: adding one never rewrites what somebody wrote about another.)
struct ClusterEntry {
  std::string name;  // [a-z][a-z0-9-]{0,30}; not in the file, it is the file's name
  std::string kind;  // "openpai"
  std::string url;
  std::string user;             // empty: whoever the token belongs to
  std::string virtual_cluster;  // of jobs that name none
  std::string jump;             // [USER@]HOST[:PORT] through which the nodes are reached
  // A program that joins its stdin and stdout to a node's port, "{host}" and "{port}" replaced.
  std::vector<std::string> dial;
  std::filesystem::path ca;  // certificates that the server's must be signed by
  bool insecure = false;     // any certificate will do
};

// Code::kUsage says what a name may be, or that one is built in.
Result<void> check_cluster_name(const std::string& name);

// Code::kUsage "FILE:LINE:COLUMN: …" for whatever is not understood.
Result<ClusterEntry> parse_cluster_entry(std::string_view text, const std::string& file);
std::string format_cluster_entry(const ClusterEntry& entry);

std::filesystem::path cluster_file(const state::Paths& paths, const std::string& name);
// Code::kNotFound when there is none.
Result<ClusterEntry> load_cluster(const state::Paths& paths, const std::string& name);
Result<void> save_cluster(const state::Paths& paths, const ClusterEntry& entry);
// Fine when it is gone already.
Result<void> remove_cluster(const state::Paths& paths, const std::string& name);

// The names of the files, sorted; whether they can be read is another matter.
std::vector<std::string> cluster_names(const state::Paths& paths);

}  // namespace rdev::templates
