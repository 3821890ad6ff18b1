#pragma once

#include <chrono>

#include "client/tunnels/active.h"
#include "client/tunnels/shared_link.h"
#include "protocol/base/notify.h"
#include "protocol/base/task_group.h"

namespace rdev::tunnels {

// -R: has the agent listen, again after every loss of the link, and connects what it accepts to a
// target that the laptop can reach. The agent's client is refused when the target is.
class RemoteTunnel final : public Active {
 public:
  struct Options {
    // Until the agent is asked again after a refusal (its earlier listener may still be there),
    // doubled each time.
    std::chrono::milliseconds first_pause{1000}, longest_pause{30000};
    // For a connection to the target.
    std::chrono::milliseconds connect_limit{10000};
    std::uint32_t connections = 4096;  // further ones are refused
  };
  // `link` must outlive it.
  RemoteTunnel(const asio::any_io_executor& executor, SharedLink& link, Tunnel tunnel,
               std::string job, Options options);
  RemoteTunnel(const RemoteTunnel&) = delete;
  RemoteTunnel& operator=(const RemoteTunnel&) = delete;

  // Resolves when the agent has answered, or there has been no link for SharedLink's patience.
  awaitable<Result<void>> open() override;
  awaitable<void> stop() override;
  const Ledger& ledger() const override { return ledger_; }

 private:
  awaitable<void> keep_open();
  awaitable<Result<void>> listen_once();
  void accept(std::unique_ptr<link::Offer> offer);
  awaitable<void> serve(std::unique_ptr<link::Offer> offer);

  SharedLink& link_;
  Ledger ledger_;
  Options options_;
  bool started_ = false;
  std::uint64_t answers_ = 0;  // of the agent, and failures to ask it
  base::Notify answered_;
  std::uint32_t accepted_ = 0;  // and not ended
  base::TaskGroup tasks_;
};

}  // namespace rdev::tunnels
