#pragma once

#include <optional>
#include <string>
#include <vector>

namespace rdev::cluster {

// nullopt: the cluster does not say.
struct Resources {
  std::optional<double> gpus, cpus, memory_mb;
};

// A kind of node, what one part of it has, and for how many such parts there is room now.
struct NodeKind {
  std::string name;
  Resources each;
  std::optional<int> room;
};

// What a user's jobs share: a virtual cluster, an engine, a machine.
struct Pool {
  std::string name;  // empty: the cluster has only one
  Resources total, free;
  std::vector<NodeKind> kinds;
};

}  // namespace rdev::cluster
