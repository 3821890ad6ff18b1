#pragma once

#include <vector>

#include "client/cluster/openpai/api.h"
#include "client/cluster/pool.h"

namespace rdev::cluster::openpai {

// The virtual clusters that the user may use, with the kinds of their nodes where there are any.
awaitable<Result<std::vector<Pool>>> read_pools(Api& api);

}  // namespace rdev::cluster::openpai
