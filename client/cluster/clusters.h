#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "client/cluster/cluster.h"
#include "client/state/paths.h"

namespace rdev::cluster {

// The clusters by name, each made when it is first asked for.
class Clusters final {
 public:
  Clusters(asio::any_io_executor executor, state::Paths paths)
      : executor_(std::move(executor)), paths_(std::move(paths)) {}

  static const std::vector<std::string_view>& names();

  // Code::kUsage for a name that no cluster has.
  static Result<void> check_name(const std::string& name);
  Result<Cluster*> get(const std::string& name);

 private:
  Result<std::unique_ptr<Cluster>> make(const std::string& name);

  asio::any_io_executor executor_;
  state::Paths paths_;
  std::map<std::string, std::unique_ptr<Cluster>> made_;
};

}  // namespace rdev::cluster
