#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/process/accounts.h"
#include "agent/services/denials.h"
#include "agent/services/listeners.h"
#include "protocol/base/asio.h"
#include "protocol/base/task_group.h"

namespace rdev::services {

// Authentication agents that connections lend to the job's users (ssh -A).
//
// Each user has one socket for the life of the job, made when the first connection lends an agent,
// and again when it is needed and somebody has cleaned it away.
// What connects to it gets the agent of the newest living connection; one that refuses, or does not
// answer in time (a laptop that sleeps), hands over to the one before it; with none left the
// socket's connections are closed at once. So a shell in tmux, which keeps the SSH_AUTH_SOCK that
// it started with, has an agent again as soon as its user is back with -A.
//
// Only sessions of connections that lend an agent are told the path: others keep the job's own
// SSH_AUTH_SOCK, if it has one, and no program tries an agent that nobody meant to lend. A shell
// that was left in tmux has it from the session that started tmux, and tmux itself takes the
// variable over from whoever attaches (its update-environment).
class AgentForwards final {
 public:
  // `own` is the user that the agent runs as, `own_place` a private directory of theirs, or empty.
  AgentForwards(const asio::any_io_executor& executor, process::Account own, std::string own_place,
                Denials denials = {},
                std::chrono::milliseconds patience = std::chrono::seconds(10));
  AgentForwards(const AgentForwards&) = delete;
  AgentForwards& operator=(const AgentForwards&) = delete;
  ~AgentForwards();

  // A connection of `user` (empty: the agent's own) lends its agent until the result is destroyed.
  Result<std::shared_ptr<void>> lend(const std::string& user, OpenBack open);
  // The user's socket, if somebody has lent them an agent.
  std::optional<std::string> path(const std::string& user);

  // Ends what goes through; to be awaited before this is destroyed.
  awaitable<void> stop();

 private:
  struct Place;
  class Loan;

  std::optional<process::Account> account_of(const std::string& user) const;
  Result<std::shared_ptr<Place>> place_of(const process::Account& account);
  std::vector<std::string> parents(const process::Account& account) const;

  const asio::any_io_executor executor_;
  const process::Account own_;
  const std::string own_place_;
  const Denials denials_;
  const std::chrono::milliseconds patience_;
  base::TaskGroup tasks_;
  std::map<uid_t, std::shared_ptr<Place>> places_;
};

}  // namespace rdev::services
