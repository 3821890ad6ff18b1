#pragma once

#include <memory>
#include <string>

#include "client/state/paths.h"
#include "client/tunnels/attached.h"
#include "client/tunnels/shared_link.h"
#include "client/tunnels/tunnel_set.h"
#include "protocol/base/task_group.h"

namespace rdev::tunnels {

// Tunnels that live in this process, as long as it does.
class OwnTunnels final {
 public:
  OwnTunnels(const asio::any_io_executor& executor, const state::Paths& paths,
             const std::string& job, Load load);
  OwnTunnels(const OwnTunnels&) = delete;
  OwnTunnels& operator=(const OwnTunnels&) = delete;

  awaitable<Result<TunnelState>> add(Tunnel tunnel) { return set_.add(std::move(tunnel)); }
  std::vector<TunnelState> states() const { return set_.states(); }
  const SharedLink& link() const { return link_; }
  // Resolves when the job is over: with the error that says why.
  awaitable<Result<void>> over();
  // Before this is destroyed.
  awaitable<void> stop();

 private:
  awaitable<void> keep_link();

  SharedLink link_;
  TunnelSet set_;
  std::optional<Error> over_;
  base::Notify changed_;
  base::TaskGroup tasks_;
};

}  // namespace rdev::tunnels
