#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/front/front.h"
#include "client/tunnels/active.h"
#include "client/tunnels/shared_link.h"

namespace rdev::tunnels {

// The tunnels of one job in one process. To be stopped before it is destroyed.
class TunnelSet final {
 public:
  using Keys = std::function<Result<front::Keys>()>;
  // `link` must outlive it. `keys`: of the job's front.
  TunnelSet(const asio::any_io_executor& executor, SharedLink& link, std::string job,
            Keys keys = {})
      : executor_(executor), link_(link), job_(std::move(job)), keys_(std::move(keys)) {}
  TunnelSet(const TunnelSet&) = delete;
  TunnelSet& operator=(const TunnelSet&) = delete;

  // Resolves when it listens, perhaps on the next free port; a tunnel that cannot is not kept. One
  // that is there already is fine. Code::kExists: something else listens there, which the message
  // names, or has its name.
  awaitable<Result<TunnelState>> add(Tunnel tunnel);
  // From earlier: is one of them from now on, whether it can listen or not; nobody else takes the
  // port that it wants. It tries to listen with reopen().
  void keep(Tunnel tunnel);
  awaitable<void> reopen(Tunnel tunnel);
  // With its connections. Code::kNotFound: there is none that listens there.
  awaitable<Result<void>> remove(Tunnel tunnel);
  awaitable<void> stop();

  bool empty() const { return tunnels_.empty(); }
  std::vector<TunnelState> states() const;

 private:
  // shared_ptr: a call that waits for one to open keeps it when it is removed.
  using Pointer = std::shared_ptr<Active>;
  using Matches = std::function<bool(const Ledger& ledger)>;
  Pointer first(const Matches& matches) const;
  Pointer find(const Tunnel& tunnel) const;
  Result<void> check_name_of(const Tunnel& tunnel, const Pointer& found) const;
  Result<void> check(const Tunnel& tunnel, const Pointer& found) const;
  bool wanted(std::uint32_t port) const;
  Pointer make(Tunnel tunnel);
  void drop(const Pointer& active);

  asio::any_io_executor executor_;
  SharedLink& link_;
  std::string job_;
  Keys keys_;
  std::vector<Pointer> tunnels_;
};

}  // namespace rdev::tunnels
