#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "client/state/paths.h"
#include "client/tunnels/message.h"
#include "client/tunnels/shared_link.h"
#include "client/tunnels/tunnel_set.h"
#include "protocol/base/fd.h"
#include "protocol/base/notify.h"
#include "protocol/base/task_group.h"

namespace rdev::tunnels {

// The holder without its process: the job's background tunnels, and whoever asks about them.
class HolderServer final {
 public:
  struct Options {
    // How long it stays without a tunnel and without anybody who asks.
    std::chrono::milliseconds idle_limit{10000};
    // How long it waits in stop() for clients to take their answers.
    std::chrono::milliseconds farewell{500};
    SharedLinkOptions link;
  };
  HolderServer(const asio::any_io_executor& executor, state::Paths paths, std::string job,
               Connect connect, Options options);
  HolderServer(const HolderServer&) = delete;
  HolderServer& operator=(const HolderServer&) = delete;

  // Opens the tunnels that are kept with the job. One that cannot listen now is tried again.
  awaitable<Result<void>> restore();
  // A process of ours has connected.
  void adopt(base::Fd socket);
  // Resolves when the last tunnel was removed, the job is over, or after end(): to be stopped.
  awaitable<Error> run();
  void end(Error why);
  // Ends everything. A client that has not gone by then is cut off.
  awaitable<void> stop();

 private:
  awaitable<void> keep_link();
  awaitable<Result<void>> until_alone();
  awaitable<void> reopen(Tunnel tunnel);
  awaitable<void> end_when_idle();
  awaitable<void> serve(base::Fd fd);
  awaitable<HolderReply> answer(HolderRequest request);
  awaitable<Result<void>> add(Tunnel tunnel, HolderReply& reply);
  awaitable<Result<void>> remove(Tunnel tunnel);
  Result<void> save() const;

  asio::any_io_executor executor_;
  state::Paths paths_;
  std::string job_;
  Options options_;
  SharedLink link_;
  TunnelSet set_;
  std::size_t clients_ = 0;
  std::optional<Error> over_;
  bool unused_ = false;   // that is why it is over
  base::Notify changed_;  // over_, or there is less to do
  base::TaskGroup tasks_;
};

}  // namespace rdev::tunnels
