#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.h"

namespace rdev::cluster::openpai {

struct Amount {
  double cpus = 0;
  double memory_mb = 0;
  double gpus = 0;  // old servers give fractions
};

struct VirtualCluster {
  std::string name;
  bool dedicated = false;
  Amount used, guaranteed, total;  // guaranteed is total where the server does not tell them apart
  Amount free;                     // guaranteed less used, not below 0
};

// Of GET /api/v2/virtual-clusters: all of the cluster, whether the user may use them or not. By
// name.
Result<std::vector<VirtualCluster>> parse_virtual_clusters(std::string_view body);

// A kind of node: what one of its parts has.
struct Sku {
  std::string name;
  Amount each;
};

// Of GET /api/v2/cluster/sku-types; none without the hived scheduler. By name.
Result<std::vector<Sku>> parse_sku_types(std::string_view body);

struct Storage {
  std::string name;
  bool shared = true;       // else each user sees a folder of his own
  bool is_default = false;  // mounted when a job asks for none by name
};

// Of GET /api/v2/storages.
Result<std::vector<Storage>> parse_storages(std::string_view body);

// What a storage is, of GET /api/v2/storages/NAME. `key` and `sas` are secrets.
struct StorageDetail {
  Storage summary;
  std::string type;   // "nfs", "samba", "azureFile", "azureBlob", "hdfs", …; empty: not told
  std::string where;  // for people: "SERVER:/PATH", "//HOST/SHARE", "ACCOUNT/CONTAINER"
  bool read_only = false;
  std::string account, container, key, sas;  // of azureBlob
  std::string name_node;                     // of hdfs: a host
  std::string path;                          // of hdfs: the folder that is mounted
};
Result<StorageDetail> parse_storage(std::string_view body);

// Those that servers before 1.0 have, and later ones still may, of GET /api/v2/storage/config and
// /api/v2/storage/server: one for each mount, NAME for the first of a configuration and NAME~N for
// the others. `user` is put in for ${PAI_USER_NAME}.
Result<std::vector<StorageDetail>> parse_old_storages(std::string_view configs,
                                                      std::string_view servers,
                                                      const std::string& user);

struct LogLocation {
  std::string name;  // "stdout", "stderr", "all", "runtime.log" …
  std::string
      uri;  // a path below the cluster's address, or an http(s) URL; holds a short-lived token
};

// Of GET …/logs.
Result<std::vector<LogLocation>> parse_log_locations(std::string_view body);

// The virtual clusters that a user may use, of GET /api/v2/users/{u}. Nothing else of that body,
// which may hold a private key, is kept, and no error quotes it.
Result<std::vector<std::string>> parse_user_virtual_clusters(std::string_view body);

}  // namespace rdev::cluster::openpai
