#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "client/front/front.h"
#include "client/tunnels/active.h"
#include "client/tunnels/bind.h"
#include "client/tunnels/shared_link.h"
#include "protocol/base/task_group.h"

namespace rdev::tunnels {

// -L, -D and `rdev connect`: listens on the laptop, whether there is a link or not. Each connection
// gets a stream of its own, or is broken off when it cannot. Those of `rdev connect` are SSH, which
// ends here, unless it is --raw.
class LocalTunnel final : public Active {
 public:
  struct Options {
    // Between attempts to listen; nobody says when a port has become free.
    std::chrono::milliseconds pause{5000};
    std::uint32_t connections = 4096;           // further ones are broken off at once
    std::chrono::seconds handshake{30};         // of SOCKS
    SpokenFor spoken_for;                       // ports that it does not take when its own is taken
    std::function<Result<front::Keys>()> keys;  // for `rdev connect`
  };
  // `link` must outlive it.
  LocalTunnel(const asio::any_io_executor& executor, SharedLink& link, Tunnel tunnel,
              std::string job, Options options);
  LocalTunnel(const LocalTunnel&) = delete;
  LocalTunnel& operator=(const LocalTunnel&) = delete;

  awaitable<Result<void>> open() override;
  awaitable<void> stop() override;
  const Ledger& ledger() const override;

 private:
  Result<void> listen();
  Result<void> make_front();
  awaitable<void> keep_trying();
  void accept(base::Fd socket);
  awaitable<void> serve(base::Fd socket);
  awaitable<void> serve_socks(Socket socket);
  awaitable<void> end_with_link();

  SharedLink& link_;
  mutable Ledger ledger_;  // the traffic of a front is looked up when somebody asks
  Options options_;
  StreamRequest request_;
  Bound bound_;
  bool trying_ = false;
  std::uint32_t accepted_ = 0;  // and not ended: connections, and those that wait for a stream
  std::unique_ptr<front::Front> front_;  // of CONNECT
  base::TaskGroup tasks_;
};

}  // namespace rdev::tunnels
