#include "client/tunnels/tunnel_set.h"

#include <algorithm>
#include <utility>

#include "client/tunnels/bind.h"
#include "client/tunnels/local_tunnel.h"
#include "client/tunnels/remote_tunnel.h"
#include "client/tunnels/spec.h"

namespace rdev::tunnels {
namespace {

// The port that it has, or wants.
std::uint32_t port_of(const Ledger& ledger) {
  return ledger.bound_port != 0 ? ledger.bound_port : ledger.tunnel.listen_port();
}

// It listens where `tunnel` wants to.
bool stands_at(const Ledger& ledger, const Tunnel& tunnel) {
  Tunnel now = ledger.tunnel;
  now.set_listen_port(port_of(ledger));
  return same_place(now, tunnel);
}

// `remove`: what ends the one that is in the way.
tl::unexpected<Error> refuse(const std::string& why, const std::string& job,
                             const std::string& remove) {
  return fail(Code::kExists, why + " (rdev forward " + job + " --remove " + remove + " ends that)");
}

}  // namespace

// A name is of one tunnel, and a tunnel has one name. `found`: what `tunnel` is already, if it is.
Result<void> TunnelSet::check_name_of(const Tunnel& tunnel, const Pointer& found) const {
  const std::string& name = tunnel.name();
  const Pointer other = first([&](const Ledger& ledger) { return ledger.tunnel.name() == name; });
  if (name.empty() || (found && found == other)) {
    return {};
  }
  if (other) {
    return refuse("the name " + name + " is taken: " + other->ledger().text(), job_, name);
  }
  if (found) {
    const Ledger& ledger = found->ledger();
    const std::string& its = ledger.tunnel.name();
    return refuse(ledger.text() + " is open already " +
                      (its.empty() ? "without a name" : "by the name " + its),
                  job_, to_spec(ledger.tunnel));
  }
  return {};
}

// Whether it can be, as far as the others are concerned.
Result<void> TunnelSet::check(const Tunnel& tunnel, const Pointer& found) const {
  if (auto checked = check_name_of(tunnel, found); !checked) {
    return checked;
  }
  if (found) {
    const TunnelState state = found->ledger().state();
    return tunnel.exact() && !stands_at(found->ledger(), tunnel)
               ? refuse(moved_text(state), job_, std::to_string(state.bound_port()))
               : Result<void>();
  }
  const Pointer other =
      may_move(tunnel) ? nullptr
                       : first([&](const Ledger& ledger) { return stands_at(ledger, tunnel); });
  return other ? refuse(listen_text(tunnel) + " is taken: " + other->ledger().text(), job_,
                        to_spec(other->ledger().tunnel))
               : Result<void>();
}

awaitable<Result<TunnelState>> TunnelSet::add(Tunnel tunnel) {
  Pointer active = find(tunnel);
  if (auto checked = check(tunnel, active); !checked) {
    co_return tl::make_unexpected(checked.error());
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

void TunnelSet::keep(Tunnel tunnel) {
  if (!find(tunnel)) {
    make(std::move(tunnel));
  }
}

awaitable<void> TunnelSet::reopen(Tunnel tunnel) {
  if (const Pointer active = find(tunnel)) {
    (void)co_await active->open();  // its state says the reason
  }
}

awaitable<Result<void>> TunnelSet::remove(Tunnel tunnel) {
  const Pointer active = find(tunnel);
  if (!active) {
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
  states.reserve(tunnels_.size());
  for (const Pointer& active : tunnels_) {
    states.push_back(active->ledger().state());
  }
  return states;
}

TunnelSet::Pointer TunnelSet::first(const Matches& matches) const {
  const auto found = std::find_if(tunnels_.begin(), tunnels_.end(),
                                  [&](const Pointer& active) { return matches(active->ledger()); });
  return found == tunnels_.end() ? nullptr : *found;
}

TunnelSet::Pointer TunnelSet::find(const Tunnel& tunnel) const {
  if (tunnel.listen_port() == 0 && tunnel.listen_path().empty()) {
    // Any free port: the one that it got last time is as good.
    return first([&](const Ledger& ledger) {
      const Tunnel& other = ledger.tunnel;
      return same_target(other, tunnel) && other.listen_path().empty() &&
             other.listen_host() == tunnel.listen_host();
    });
  }
  const Pointer wants =
      first([&](const Ledger& ledger) { return same_tunnel(ledger.tunnel, tunnel); });
  return wants ? wants : first([&](const Ledger& ledger) {
    return stands_at(ledger, tunnel) && same_target(ledger.tunnel, tunnel);
  });
}

bool TunnelSet::wanted(std::uint32_t port) const {
  return first([port](const Ledger& ledger) {
           return ledger.tunnel.kind() != Tunnel::REMOTE && ledger.tunnel.listen_port() == port;
         }) != nullptr;
}

TunnelSet::Pointer TunnelSet::make(Tunnel tunnel) {
  if (tunnel.kind() == Tunnel::REMOTE) {
    tunnels_.push_back(std::make_shared<RemoteTunnel>(executor_, link_, std::move(tunnel), job_,
                                                      RemoteTunnel::Options{}));
  } else {
    tunnels_.push_back(std::make_shared<LocalTunnel>(
        executor_, link_, std::move(tunnel), job_,
        LocalTunnel::Options{.spoken_for = [this](std::uint32_t port) { return wanted(port); },
                             .keys = keys_}));
  }
  return tunnels_.back();
}

void TunnelSet::drop(const Pointer& active) { std::erase(tunnels_, active); }

}  // namespace rdev::tunnels
