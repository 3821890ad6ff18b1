#pragma once

#include <memory>
#include <string>
#include <vector>

#include "client/cluster/openpai/resources.h"
#include "client/commands/context.h"
#include "client/storage/path.h"
#include "client/storage/store.h"

namespace rdev::commands {

using cluster::openpai::StorageDetail;

// The cluster that is meant: `name`, else the selected one, else the only one of OpenPAI.
// Code::kUsage when there is none.
Result<std::string> storage_cluster(const state::Paths& paths, const std::string& name);

awaitable<Result<std::vector<StorageDetail>>> find_storages(Context& context, std::string cluster);
awaitable<Result<StorageDetail>> find_storage(Context& context, std::string cluster,
                                              std::string name);

// The files of a storage that can be reached from here: a container of Azure's blobs, HDFS.
// Code::kUnavailable says of another kind how its files are reached. RDEV_AZURE_BLOB_ENDPOINT and
// RDEV_WEBHDFS_ENDPOINT are other addresses for them, as URLs.
awaitable<Result<std::unique_ptr<storage::Store>>> open_store(Context& context,
                                                              storage::Place place);

// "is an NFS share of 10.0.0.9:/data", for people.
std::string kind_sentence(const StorageDetail& storage);

}  // namespace rdev::commands
