#include "client/tunnels/tunnel_set.h"

#include <algorithm>
#include <utility>

#include "client/tunnels/local_tunnel.h"
#include "client/tunnels/remote_tunnel.h"
#include "client/tunnels/spec.h"

namespace rdev::tunnels {

awaitable<Result<TunnelState>> TunnelSet::add(Tunnel tunnel) {
  Pointer active = find(tunnel);
  if (active && !same_target(active->ledger().tunnel, tunnel)) {
    const Ledger& ledger = active->ledger();
    co_return fail(Code::kExists, listen_text(tunnel) + " is taken: " + ledger.text() +
                                      " (rdev forward " + job_ + " --remove " +
                                      to_spec(ledger.tunnel) + " ends that)");
  }
  const bool is_new = active == nullptr;
  if (is_new) {
    active = make(std::move(tunnel));
  }
  auto opened = co_await active->open();
  if (opened) {
    opened = co_await link_.first_attempt();
  }
  if (opened) {
    co_return active->ledger().state();
  }
  if (is_new) {
    drop(active);
    co_await active->stop();
  }
  co_return tl::make_unexpected(opened.error());
}

awaitable<void> TunnelSet::restore(Tunnel tunnel) {
  if (!find(tunnel)) {
    (void)co_await make(std::move(tunnel))->open();  // its state says the reason
  }
}

awaitable<Result<void>> TunnelSet::remove(Tunnel tunnel) {
  const Pointer active = find(tunnel);
  if (!active || !same_target(active->ledger().tunnel, tunnel)) {
    co_return fail(Code::kNotFound, "there is no tunnel " + describe(tunnel, 0, job_));
  }
  drop(active);
  co_await active->stop();
  co_return Result<void>{};
}

awaitable<void> TunnelSet::stop() {
  while (!tunnels_.empty()) {
    const Pointer active = tunnels_.back();
    tunnels_.pop_back();
    co_await active->stop();
  }
}

std::vector<TunnelState> TunnelSet::states() const {
  std::vector<TunnelState> states;
  for (const Pointer& active : tunnels_) {
    states.push_back(active->ledger().state());
  }
  return states;
}

TunnelSet::Pointer TunnelSet::find(const Tunnel& tunnel) const {
  const auto found = std::find_if(tunnels_.begin(), tunnels_.end(), [&](const Pointer& active) {
    const Tunnel& other = active->ledger().tunnel;
    if (tunnel.listen_port() != 0 || !tunnel.listen_path().empty()) {
      return same_place(other, tunnel);
    }
    // Any free port: the one that it got last time is as good.
    return same_target(other, tunnel) && other.listen_path().empty() &&
           other.listen_host() == tunnel.listen_host();
  });
  return found == tunnels_.end() ? nullptr : *found;
}

TunnelSet::Pointer TunnelSet::make(Tunnel tunnel) {
  if (tunnel.kind() == Tunnel::REMOTE) {
    tunnels_.push_back(std::make_shared<RemoteTunnel>(executor_, link_, std::move(tunnel), job_,
                                                      RemoteTunnel::Options{}));
  } else {
    tunnels_.push_back(std::make_shared<LocalTunnel>(executor_, link_, std::move(tunnel), job_,
                                                     LocalTunnel::Options{.keys = keys_}));
  }
  return tunnels_.back();
}

void TunnelSet::drop(const Pointer& active) { std::erase(tunnels_, active); }

}  // namespace rdev::tunnels
