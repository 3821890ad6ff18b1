#include "client/commands/storage_open.h"

#include <cstdlib>

#include "client/cluster/openpai/account.h"
#include "client/commands/cluster_report.h"
#include "client/commands/defaults.h"
#include "client/storage/azure_blob.h"
#include "client/storage/webhdfs.h"
#include "client/templates/cluster_entry.h"

namespace rdev::commands {
namespace {

using cluster::openpai::Account;
using cluster::openpai::Api;

constexpr std::string_view kBehindPortal = "/rest-server";

Result<Account> account_at(const state::Paths& paths, const std::string& cluster) {
  const auto entry = templates::load_cluster(paths, cluster);
  if (!entry) {
    return tl::make_unexpected(no_such_cluster(paths, cluster, entry.error()));
  }
  auto account = cluster::openpai::account_of(paths, *entry);
  if (account && account->user.empty()) {
    const auto claims = cluster::openpai::token_claims(account->token);
    account->user = claims ? claims->username : "";
  }
  return account;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// A server of this version has only the old list, or has the storage there.
awaitable<Result<StorageDetail>> find_old(Api& api, std::string name, Error error) {
  const auto old = co_await api.old_storages();
  for (const StorageDetail& storage : old.value_or(std::vector<StorageDetail>())) {
    if (storage.summary.name == name) {
      co_return storage;
    }
  }
  if (error.code == Code::kNotFound || old) {
    co_return fail(Code::kNotFound, api.account().cluster + " has no storage " + name +
                                        ", or you may not use it (rdev storage list --cluster " +
                                        api.account().cluster + " shows those you may)");
  }
  co_return tl::make_unexpected(std::move(error));
}

awaitable<Result<StorageDetail>> find_at(Account account, std::string name) {
  Api api(std::move(account));
  auto found = co_await api.storage(name);
  const Code code = found ? Code::kFailed : found.error().code;
  if (!found && code != Code::kPermission && code != Code::kUnavailable && code != Code::kTimeout) {
    found = co_await find_old(api, name, found.error());
  }
  co_return found;
}

Result<http::Base> address(const char* override, const std::string& usual) {
  const std::string given = variable(override);
  auto base = http::parse_base(given.empty() ? usual : given);
  return base || given.empty() ? base : prefix(override, base.error());
}

Result<std::string> root_of(const std::string& path) {
  const auto place = storage::parse_place("pai://x/x/" + path);
  return place ? Result<std::string>(place->path)
               : fail(Code::kProtocol, "the cluster's path of the storage has '..' in it");
}

Result<std::unique_ptr<storage::Store>> open_azure(const Account& account,
                                                   const StorageDetail& storage) {
  if (storage.account.empty() || storage.container.empty() ||
      (storage.key.empty() && storage.sas.empty())) {
    return fail(Code::kUnavailable, "the cluster tells no account, container or key of " +
                                        storage.summary.name + ": ask its admin");
  }
  if (!storage.summary.shared && account.user.empty()) {
    return fail(Code::kUsage, storage.summary.name +
                                  " has a folder for each user, and who you are "
                                  "is not known: rdev cluster login --user NAME");
  }
  auto endpoint =
      address("RDEV_AZURE_BLOB_ENDPOINT", "https://" + storage.account + ".blob.core.windows.net");
  // What is not shared is a folder for each user, in jobs as well.
  auto root = root_of(storage.summary.shared ? "" : account.user);
  if (!endpoint || !root) {
    return tl::make_unexpected(endpoint ? root.error() : endpoint.error());
  }
  return storage::azure_blob({.endpoint = *endpoint,
                              .account = storage.account,
                              .container = storage.container,
                              .key = storage.key,
                              .sas = storage.sas,
                              .root = *root});
}

// The cluster's own HDFS is behind its gateway, which is the way to the API; another one has its
// name node's usual port.
std::string webhdfs_url(const Account& account, const std::string& name_node) {
  const bool is_behind = account.url.path.ends_with(kBehindPortal);
  if (is_behind && (name_node.empty() || name_node == account.url.host)) {
    http::Base base = account.url;
    base.path.resize(base.path.size() - kBehindPortal.size());
    return base.text() + "/webhdfs/api/v1";
  }
  return "http://" + (name_node.empty() ? account.url.host : name_node) + ":50070/webhdfs/v1";
}

Result<std::unique_ptr<storage::Store>> open_hdfs(const Account& account,
                                                  const StorageDetail& storage) {
  const auto endpoint = address("RDEV_WEBHDFS_ENDPOINT", webhdfs_url(account, storage.name_node));
  const auto root = root_of(storage.path);
  if (!endpoint || !root) {
    return tl::make_unexpected(endpoint ? root.error() : endpoint.error());
  }
  return storage::webhdfs(
      {.endpoint = *endpoint, .user = account.user, .root = *root, .tls = account.tls});
}

}  // namespace

Result<std::string> storage_cluster(const state::Paths& paths, const std::string& name) {
  if (!name.empty()) {
    return name;
  }
  const std::vector<std::string> names = templates::cluster_names(paths);
  const auto chosen = default_cluster(paths);
  if (!chosen) {
    return tl::make_unexpected(chosen.error());
  }
  for (const std::string& one : names) {
    if (*chosen == one || names.size() == 1) {
      return one;
    }
  }
  return fail(Code::kUsage, names.empty()
                                ? "no cluster with storages is known (rdev cluster add adds one)"
                                : "which cluster? Give --cluster NAME (rdev cluster list)");
}

awaitable<Result<std::vector<StorageDetail>>> find_storages(Context& context, std::string cluster) {
  auto account = account_at(context.paths, cluster);
  if (!account) {
    co_return tl::make_unexpected(account.error());
  }
  Api api(std::move(*account));
  const auto listed = co_await api.storages();
  auto old = co_await api.old_storages();
  if (!listed && (!old || listed.error().code == Code::kPermission)) {
    co_return tl::make_unexpected(listed.error());
  }
  std::vector<StorageDetail> all;
  for (const auto& summary : listed.value_or(std::vector<cluster::openpai::Storage>())) {
    auto detail = co_await api.storage(summary.name);
    if (!detail) {
      co_return tl::make_unexpected(detail.error());
    }
    detail->summary = summary;
    all.push_back(std::move(*detail));
  }
  for (StorageDetail& storage : old.value_or(std::vector<StorageDetail>())) {
    const bool is_new = std::none_of(all.begin(), all.end(), [&](const StorageDetail& other) {
      return other.summary.name == storage.summary.name;
    });
    if (is_new) {
      all.push_back(std::move(storage));
    }
  }
  co_return all;
}

awaitable<Result<StorageDetail>> find_storage(Context& context, std::string cluster,
                                              std::string name) {
  auto account = account_at(context.paths, cluster);
  if (!account) {
    co_return tl::make_unexpected(account.error());
  }
  co_return co_await find_at(std::move(*account), name);
}

awaitable<Result<std::unique_ptr<storage::Store>>> open_store(Context& context,
                                                              storage::Place place) {
  auto account = account_at(context.paths, place.cluster);
  if (!account) {
    co_return tl::make_unexpected(account.error());
  }
  const auto found = co_await find_at(*account, place.storage);
  if (!found) {
    co_return tl::make_unexpected(found.error());
  }
  if (found->type == "azureBlob") {
    co_return open_azure(*account, *found);
  }
  if (found->type == "hdfs") {
    co_return open_hdfs(*account, *found);
  }
  co_return fail(Code::kUnavailable, place.storage + " " + kind_sentence(*found) +
                                         ": its files are reached through a job that mounts it "
                                         "(rdev up NAME --cluster " +
                                         place.cluster + " --storage " + place.storage +
                                         ", then scp … rdev-NAME:)");
}

std::string kind_sentence(const StorageDetail& storage) {
  const std::string of = storage.where.empty() ? "" : " of " + storage.where;
  if (storage.type == "nfs") {
    return "is an NFS share" + of;
  }
  if (storage.type == "samba") {
    return "is a Samba share" + of;
  }
  if (storage.type == "azureFile") {
    return "is an Azure file share" + of;
  }
  return storage.type.empty() ? "is of a kind that the cluster does not tell"
                              : "is of the kind " + storage.type + of;
}

}  // namespace rdev::commands
