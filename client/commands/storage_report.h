#pragma once

#include <string>
#include <vector>

#include "client/cluster/openpai/resources.h"
#include "client/storage/store.h"
#include "client/storage/transfer.h"

namespace rdev::commands {

// No key and no token is in any of them.
std::string storages_text(const std::vector<cluster::openpai::StorageDetail>& storages);
std::string storages_json(const std::vector<cluster::openpai::StorageDetail>& storages);
std::string storage_text(const cluster::openpai::StorageDetail& storage);
std::string storage_json(const cluster::openpai::StorageDetail& storage);

enum class Columns { kNames, kLong };
std::string items_text(const std::vector<storage::Item>& items, Columns columns);
std::string items_json(const std::vector<storage::Item>& items);
std::string item_text(const storage::Item& item);
std::string item_json(const storage::Item& item);

std::string totals_text(const storage::Totals& totals);
std::string totals_json(const storage::Totals& totals);

}  // namespace rdev::commands
