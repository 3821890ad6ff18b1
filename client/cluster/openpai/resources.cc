#include "client/cluster/openpai/resources.h"

#include <algorithm>
#include <utility>

#include "client/cluster/openpai/read_json.h"

namespace rdev::cluster::openpai {
namespace {

// The v1 API has only vCores and GPUs, the v2 API these and cpu and gpu.
double either(const json::object& object, std::string_view name, std::string_view other) {
  return real_in(object, member(object, name) != nullptr ? name : other);
}

Amount read_amount(const json::object& object) {
  return {.cpus = either(object, "cpu", "vCores"),
          .memory_mb = real_in(object, "memory"),
          .gpus = either(object, "gpu", "GPUs")};
}

Amount less(const Amount& all, const Amount& used) {
  return {.cpus = std::max(0.0, all.cpus - used.cpus),
          .memory_mb = std::max(0.0, all.memory_mb - used.memory_mb),
          .gpus = std::max(0.0, all.gpus - used.gpus)};
}

template <class T>
void sort_by_name(std::vector<T>& items) {
  std::sort(items.begin(), items.end(), [](const T& a, const T& b) { return a.name < b.name; });
}

VirtualCluster read_cluster(std::string name, const json::object& object) {
  VirtualCluster cluster{.name = std::move(name), .dedicated = truth_in(object, "dedicated")};
  if (const json::object* used = object_in(object, "resourcesUsed"); used != nullptr) {
    cluster.used = read_amount(*used);
  }
  if (const json::object* total = object_in(object, "resourcesTotal"); total != nullptr) {
    cluster.total = read_amount(*total);
  }
  const json::object* guaranteed = object_in(object, "resourcesGuaranteed");
  cluster.guaranteed = guaranteed == nullptr ? cluster.total : read_amount(*guaranteed);
  cluster.free = less(cluster.guaranteed, cluster.used);
  return cluster;
}

// A location is fetched as it is: from the cluster itself, or from a blob store.
bool usable_uri(std::string_view uri) {
  const bool where = (uri.starts_with('/') && !uri.starts_with("//")) ||
                     uri.starts_with("https://") || uri.starts_with("http://");
  return where && std::all_of(uri.begin(), uri.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// `words` is "default,vc1" in old servers.
std::vector<std::string> split_commas(std::string_view words) {
  std::vector<std::string> parts;
  while (!words.empty()) {
    const std::size_t comma = words.find(',');
    std::string_view part = words.substr(0, comma);
    part.remove_prefix(std::min(part.find_first_not_of(' '), part.size()));
    part = part.substr(0, part.find_last_not_of(' ') + 1);
    if (!part.empty()) {
      parts.emplace_back(part);
    }
    words.remove_prefix(comma == std::string_view::npos ? words.size() : comma + 1);
  }
  return parts;
}

}  // namespace

Result<std::vector<VirtualCluster>> parse_virtual_clusters(std::string_view body) {
  const auto object = read_object(body, "list of virtual clusters");
  if (!object) {
    return tl::make_unexpected(object.error());
  }
  std::vector<VirtualCluster> clusters;
  for (const auto& [name, value] : *object) {
    if (value.is_object()) {
      clusters.push_back(read_cluster(name, value.get_object()));
    }
  }
  sort_by_name(clusters);
  return clusters;
}

Result<std::vector<Sku>> parse_sku_types(std::string_view body) {
  const auto object = read_object(body, "list of SKUs");
  if (!object) {
    return tl::make_unexpected(object.error());
  }
  std::vector<Sku> skus;
  for (const auto& [name, value] : *object) {
    if (value.is_object()) {
      skus.push_back({.name = name, .each = read_amount(value.get_object())});
    }
  }
  sort_by_name(skus);
  return skus;
}

Result<std::vector<Storage>> parse_storages(std::string_view body) {
  const auto object = read_object(body, "list of storages");
  if (!object) {
    return tl::make_unexpected(object.error());
  }
  const json::array* all = array_in(*object, "storages");
  if (all == nullptr) {
    return fail(Code::kProtocol, "the server's list of storages has no storages");
  }
  std::vector<Storage> storages;
  for (const json::value& item : *all) {
    const json::object* storage = item.if_object();
    const std::string name = storage == nullptr ? "" : text_in(*storage, "name");
    if (!name.empty()) {
      const bool own = member(*storage, "share") != nullptr && !truth_in(*storage, "share");
      storages.push_back(
          {.name = name, .shared = !own, .is_default = truth_in(*storage, "default")});
    }
  }
  return storages;
}

Result<std::vector<LogLocation>> parse_log_locations(std::string_view body) {
  const auto object = read_object(body, "list of logs");
  if (!object) {
    return tl::make_unexpected(object.error());
  }
  const json::array* all = array_in(*object, "locations");
  if (all == nullptr) {
    return fail(Code::kProtocol, "the server's list of logs has no locations");
  }
  std::vector<LogLocation> locations;
  for (const json::value& item : *all) {
    const json::object* location = item.if_object();
    if (location == nullptr) {
      continue;
    }
    LogLocation read{.name = text_in(*location, "name"), .uri = text_in(*location, "uri")};
    if (read.name.empty() || !usable_uri(read.uri)) {
      return fail(Code::kProtocol, "the server's list of logs has one without a usable address");
    }
    locations.push_back(std::move(read));
  }
  return locations;
}

Result<std::vector<std::string>> parse_user_virtual_clusters(std::string_view body) {
  const auto object = read_object(body, "word on the user");
  if (!object) {
    return tl::make_unexpected(object.error());
  }
  if (array_in(*object, "virtualCluster") != nullptr) {
    return texts_in(*object, "virtualCluster");
  }
  return split_commas(text_in(*object, "virtualCluster"));
}

}  // namespace rdev::cluster::openpai
