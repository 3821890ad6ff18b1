#include "client/cluster/openpai/pools.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace rdev::cluster::openpai {
namespace {

Resources as_resources(const Amount& amount) {
  return {.gpus = amount.gpus, .cpus = amount.cpus, .memory_mb = amount.memory_mb};
}

// How many parts like `each` are in `free`.
int room_for(const Amount& each, const Amount& free) {
  double room = std::numeric_limits<int>::max();
  for (const auto& [wanted, there] :
       {std::pair(each.gpus, free.gpus), std::pair(each.cpus, free.cpus),
        std::pair(each.memory_mb, free.memory_mb)}) {
    if (wanted > 0) {
      room = std::min(room, std::floor(there / wanted));
    }
  }
  return static_cast<int>(room);
}

Pool as_pool(const VirtualCluster& one, const std::vector<Sku>& skus) {
  Pool pool{.name = one.name,
            .total = as_resources(one.guaranteed),
            .free = as_resources(one.free),
            .kinds = {}};
  pool.kinds.reserve(skus.size());
  for (const Sku& sku : skus) {
    pool.kinds.push_back(
        {.name = sku.name, .each = as_resources(sku.each), .room = room_for(sku.each, one.free)});
  }
  return pool;
}

}  // namespace

awaitable<Result<std::vector<Pool>>> read_pools(Api& api) {
  const auto info = co_await api.info();
  const auto claims = info ? co_await api.claims() : tl::make_unexpected(info.error());
  const auto own = claims ? co_await api.own_virtual_clusters(claims->username)
                          : tl::make_unexpected(claims.error());
  const auto all = own ? co_await api.virtual_clusters() : tl::make_unexpected(own.error());
  if (!all) {
    co_return tl::make_unexpected(all.error());
  }
  std::vector<Pool> pools;
  for (const VirtualCluster& one : *all) {
    if (std::find(own->begin(), own->end(), one.name) == own->end()) {
      continue;
    }
    std::vector<Sku> skus;
    if (has(*info, Feature::kStorages)) {
      auto kinds = co_await api.skus(one.name);
      if (!kinds) {
        co_return tl::make_unexpected(kinds.error());
      }
      skus = *std::move(kinds);
    }
    pools.push_back(as_pool(one, skus));
  }
  co_return pools;
}

}  // namespace rdev::cluster::openpai
