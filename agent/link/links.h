#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include "agent/link/hello.h"
#include "agent/link/kinds.h"
#include "protocol/base/asio.h"
#include "protocol/base/notify.h"
#include "protocol/rdev.pb.h"
#include "protocol/stream/stream.h"

namespace rdev::agent_link {

class Link;

// Who is at the other end of the connection that carries a link.
struct Peer {
  std::string remote_address;   // "127.0.0.1:51234", or "unix"
  std::string key_fingerprint;  // SHA256:…
};

struct Times {
  std::chrono::milliseconds hello = std::chrono::seconds(10);
  std::chrono::milliseconds heartbeat = std::chrono::seconds(5);
  // The laptop takes a connection for dead after 10 s; what is left of it here goes later.
  std::chrono::milliseconds silence = std::chrono::seconds(20);
};

struct Options {
  Self self;
  Kinds kinds;
  std::function<Vitals()> vitals;  // read for each heartbeat
  Times times = {};
};

// The links of all laptops: several at once, one a session id.
class Links final {
 public:
  Links(asio::any_io_executor executor, Options options);
  Links(const Links&) = delete;
  Links& operator=(const Links&) = delete;
  ~Links();  // all serve() must have returned

  // One connection from its offer to its end (PROTOCOL.md section 2). Whoever knows the secret of a
  // session that has a connection replaces that one.
  awaitable<void> serve(Peer peer, std::unique_ptr<stream::Offer> offer);

  // Sends GOODBYE with `reason` over every link, after the last words of its sessions, and waits
  // for their ends. Later ones get it at once.
  awaitable<void> stop(std::string reason);

  std::size_t size() const { return links_.size(); }

 private:
  class Listed;
  Result<void> admit(const Peer& peer, const Hello& hello);
  awaitable<void> carry(Peer peer, Hello hello, stream::Stream& carrier);

  const asio::any_io_executor executor_;
  const Options options_;
  std::list<Link*> links_;  // those of the serve()s in progress
  base::Notify fewer_;
  std::string stopped_;  // why; empty: not
};

}  // namespace rdev::agent_link
