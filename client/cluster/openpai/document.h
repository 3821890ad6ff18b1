#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <vector>

#include "client/cluster/openpai/schema.h"
#include "client/templates/typed_yaml.h"
#include "protocol/base/result.h"

namespace rdev::cluster::openpai {

// A job's document as its user wrote it, on its way to the server.

// What goes over it, in this order.
struct Edits {
  std::optional<templates::TypedYaml> secrets;  // a mapping
  std::vector<std::string> sets;                // "PATH=VALUE", see templates::set_value
  std::string name, virtual_cluster;
};

struct Ready {
  std::string name;
  std::string body;                // JSON, to be sent as text/yaml. May hold secrets
  boost::json::value masked;       // the same without secrets, for people and the history
  std::vector<std::string> notes;  // sentences: what was changed that one might not expect
};

// A longer body is refused by the server (413).
inline constexpr std::size_t kMaxJobBytes = 100U << 10U;

// A document of version 2, or of version 1, which is converted first. Code::kUsage with all of its
// problems, a line each: "FILE:LINE:COLUMN: taskRoles.main.instances: must be …".
Result<Ready> make_ready(const templates::TypedYaml& document, const Edits& edits);

// All of the problems, a line each, at their places in the document; fine when there are none.
Result<void> refuse(const templates::TypedYaml& document, const std::vector<Problem>& problems);

}  // namespace rdev::cluster::openpai
