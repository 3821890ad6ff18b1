#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/cluster/openpai/api.h"
#include "client/commands/doctor_report.h"
#include "client/http/proxy.h"

namespace rdev::commands {

// What was tried at one cluster; empty: it was not.
struct Tried {
  std::optional<Result<std::vector<std::string>>> name;
  std::optional<Result<void>> connection, tls;
  std::optional<Result<cluster::openpai::Info>> info;
  std::optional<Result<cluster::openpai::Claims>> claims;
  std::string date;  // as the server said it
};

bool is_address(const std::string& host);

// What the tries mean: from the name to the token, up to the first fault. `file` is the cluster's.
Findings verdict(const cluster::openpai::Account& account, const std::optional<http::Proxy>& proxy,
                 const Tried& tried, const std::string& file);

}  // namespace rdev::commands
