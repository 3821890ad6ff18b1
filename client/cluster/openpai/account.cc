#include "client/cluster/openpai/account.h"

#include "client/state/tokens.h"
#include "protocol/base/log.h"

namespace rdev::cluster::openpai {
namespace {

constexpr std::string_view kBehindPortal = "/rest-server";

// One place where the API may be.
awaitable<Result<Found>> probe(Account account, std::string path) {
  account.url.path = std::move(path);
  Api api(account);
  const auto info = co_await api.info();
  if (!info) {
    co_return tl::make_unexpected(info.error());
  }
  co_return Found{.account = std::move(account), .info = *info};
}

}  // namespace

Result<Account> account_of(const templates::ClusterEntry& entry) {
  auto url = http::parse_base(entry.url);
  if (!url) {
    return tl::make_unexpected(url.error());
  }
  std::error_code error;
  if (!entry.ca.empty() && !std::filesystem::exists(entry.ca, error)) {
    return fail(Code::kUsage,
                "the cluster " + entry.name + ": there is no file " + entry.ca.string() + " (ca)");
  }
  if (entry.insecure) {
    base::log_warning("the server's certificate is not checked: somebody on the way could be it",
                      {{"cluster", entry.name}});
  }
  return Account{.cluster = entry.name,
                 .url = std::move(*url),
                 .user = entry.user,
                 .token = {},
                 .tls = {.ca = entry.ca, .verify = !entry.insecure}};
}

Result<Account> account_of(const state::Paths& paths, const templates::ClusterEntry& entry) {
  auto account = account_of(entry);
  auto token = state::load_token(paths, entry.name);
  if (!token && token.error().code != Code::kNotFound) {
    return tl::make_unexpected(token.error());
  }
  if (account) {
    account->token = token.value_or("");
    account->kept_token = [paths, name = entry.name] { return state::load_token(paths, name); };
  }
  return account;
}

awaitable<Result<Found>> find_server(Account account) {
  account.token.clear();
  account.kept_token = nullptr;  // who answers there is not known yet
  const std::string given = account.url.path;
  if (given.ends_with(kBehindPortal)) {
    co_return co_await probe(std::move(account), given);
  }
  auto behind_portal = co_await probe(account, given + std::string(kBehindPortal));
  // An OpenPAI server that will not do is found, too.
  if (behind_portal || behind_portal.error().code == Code::kUnavailable ||
      behind_portal.error().code == Code::kTimeout || behind_portal.error().code == Code::kUsage) {
    co_return behind_portal;
  }
  co_return co_await probe(account, given);
}

}  // namespace rdev::cluster::openpai
