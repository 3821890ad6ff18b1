#pragma once

#include <memory>

#include "client/cluster/cluster.h"
#include "client/state/paths.h"
#include "client/templates/cluster_entry.h"

namespace rdev::cluster {

// Jobs of an OpenPAI server. Nothing is asked before the first call. Code::kUsage for an entry that
// makes no sense.
Result<std::unique_ptr<Cluster>> make_openpai(const state::Paths& paths,
                                              templates::ClusterEntry entry);

}  // namespace rdev::cluster
