#include "client/commands/cluster_account.h"

#include <unistd.h>

#include <cstdlib>

#include "client/cluster/openpai/account.h"
#include "client/ui/secret.h"

namespace rdev::commands {
namespace {

namespace openpai = cluster::openpai;

enum class What { kPassword, kToken };

// As it is given, from stdin where that was asked for, then from the environment; nullopt: neither.
Result<std::optional<std::string>> given(What what, const CredentialSource& source) {
  const std::string& ready = what == What::kPassword ? source.password : source.token;
  if (!ready.empty()) {
    return ready;
  }
  if (!source.password.empty()) {  // not another one beside it
    return std::nullopt;
  }
  if (what == What::kPassword ? source.password_stdin : source.token_stdin) {
    auto line = ui::read_secret(STDIN_FILENO);
    return line ? Result<std::optional<std::string>>(std::move(*line))
                : tl::make_unexpected(line.error());
  }
  const char* value = std::getenv(what == What::kPassword ? "RDEV_PASSWORD" : "RDEV_TOKEN");
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

Result<std::string> asked(const std::string& question, const char* option, const char* variable) {
  auto answer = ui::ask_secret(question);
  if (!answer && answer.error().code == Code::kUnavailable) {
    return fail(Code::kUsage,
                answer.error().message + ": give it on stdin (" + option + ") or in " + variable);
  }
  return answer;
}

Result<std::string> token_of(const templates::ClusterEntry& entry) {
  return asked("Your token at " + entry.name + " (of the web portal's profile page): ",
               "--token-stdin", "RDEV_TOKEN");
}

awaitable<Result<std::string>> token_by_password(openpai::Api& api,
                                                 const templates::ClusterEntry& entry,
                                                 CredentialSource source) {
  if (entry.user.empty()) {
    co_return fail(Code::kUsage, "who are you there? Give --user NAME");
  }
  auto ready = given(What::kPassword, source);
  if (!ready) {
    co_return tl::make_unexpected(ready.error());
  }
  auto password = *ready ? Result<std::string>(std::move(**ready))
                         : asked("Password of " + entry.user + " at " + entry.name + ": ",
                                 "--password-stdin", "RDEV_PASSWORD");
  if (!password) {
    co_return tl::make_unexpected(password.error());
  }
  co_return co_await api.log_in(entry.user, std::move(*password));
}

}  // namespace

awaitable<Result<Member>> join_cluster(templates::ClusterEntry& entry, CredentialSource source,
                                       std::string command) {
  if (source.password_stdin && source.token_stdin) {
    co_return fail(Code::kUsage, "give either --password-stdin or --token-stdin");
  }
  // Before anything is asked: where does it go?
  auto account = openpai::account_of(entry);
  if (account) {
    account->login = std::move(command);
  }
  auto found = account ? co_await openpai::find_server(*std::move(account))
                       : tl::make_unexpected(account.error());
  if (!found) {
    co_return tl::make_unexpected(found.error());
  }
  entry.url = found->account.url.text();
  auto ready = given(What::kToken, source);
  if (!ready) {
    co_return tl::make_unexpected(ready.error());
  }
  Result<std::string> token;
  if (*ready) {
    token = std::move(**ready);
  } else if (found->info.auth == openpai::Info::Auth::kOidc) {
    token = token_of(entry);
  } else {
    openpai::Api api(found->account);
    token = co_await token_by_password(api, entry, source);
  }
  if (!token) {
    co_return tl::make_unexpected(token.error());
  }
  found->account.token = *token;
  openpai::Api api(found->account);
  auto claims = co_await api.claims();
  if (!claims) {
    co_return tl::make_unexpected(claims.error());
  }
  if (!entry.user.empty() && entry.user != claims->username) {
    co_return fail(Code::kUsage,
                   "that token is " + claims->username + "'s, not " + entry.user + "'s");
  }
  entry.user = claims->username;
  co_return Member{
      .token = std::move(*token), .version = found->info.version, .claims = std::move(*claims)};
}

}  // namespace rdev::commands
