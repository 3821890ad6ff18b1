#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/front/streams.h"
#include "protocol/base/asio.h"
#include "protocol/base/fd.h"
#include "protocol/ssh/keys.h"
#include "protocol/stream/join.h"

namespace rdev::front {

struct Keys {
  ssh::PrivateKey host;
  std::vector<ssh::PublicKey> authorized;  // whoever has one of these may log in
};

// Stock SSH ends here, on the laptop: an SSH server whose every channel and forward is a stream of
// the link. To be stopped before it is destroyed.
class Front final {
 public:
  // `streams` must outlive it. `ended` is called after each connection's end.
  Front(const asio::any_io_executor& executor, Streams& streams, Keys keys,
        std::function<void()> ended = {});
  Front(const Front&) = delete;
  Front& operator=(const Front&) = delete;
  ~Front();

  // As sshd::Server::serve().
  void serve(base::Fd socket, const std::string& called = {});
  std::size_t connections() const;
  const stream::Passed& passed() const;

  // Ends all connections that there are, with a sentence for their clients.
  void disconnect(const std::string& why);
  // The same for good.
  awaitable<void> stop(std::string why);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rdev::front
