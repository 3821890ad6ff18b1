#pragma once

#include "client/cluster/openpai/api.h"
#include "client/state/paths.h"
#include "client/templates/cluster_entry.h"

namespace rdev::cluster::openpai {

// The server of `entry`, without a token. Warns of a server whose certificate is not checked.
Result<Account> account_of(const templates::ClusterEntry& entry);
// The same with the user's token, where there is one.
Result<Account> account_of(const state::Paths& paths, const templates::ClusterEntry& entry);

// The same server, where the API is found: `url` may be that of the web portal.
struct Found {
  Account account;
  Info info;
};
awaitable<Result<Found>> find_server(Account account);

}  // namespace rdev::cluster::openpai
