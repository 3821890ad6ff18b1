#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/cluster/cluster.h"
#include "client/state/paths.h"

namespace rdev::cluster {

// What finds the same cluster again from another environment; empty where nothing is needed.
using Pin = std::map<std::string, std::string>;

// The clusters by name, each made when it is first asked for.
class Clusters final {
 public:
  Clusters(asio::any_io_executor executor, state::Paths paths)
      : executor_(std::move(executor)), paths_(std::move(paths)) {}

  // The built-in ones, then those that the user has added.
  static std::vector<std::string> names(const state::Paths& paths);
  std::vector<std::string> names() const { return names(paths_); }

  // Code::kUsage for a name that no cluster has.
  static Result<void> check_name(const state::Paths& paths, const std::string& name);
  // "local", "docker" or "openpai".
  static Result<std::string> kind(const state::Paths& paths, const std::string& name);
  // Without a pin: as the present environment says.
  Result<Cluster*> get(const std::string& name, const Pin& pin = {});
  static Result<Pin> pin(const std::string& name);

  // A cluster of the test's own in place of a real one.
  void put(const std::string& name, std::unique_ptr<Cluster> cluster);

 private:
  Result<std::unique_ptr<Cluster>> make(const std::string& name, const Pin& pin);
  Result<std::unique_ptr<Cluster>> make_added(const std::string& name);

  asio::any_io_executor executor_;
  state::Paths paths_;
  std::map<std::pair<std::string, Pin>, std::unique_ptr<Cluster>> made_;
};

}  // namespace rdev::cluster
