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
#include "protocol/base/task_group.h"
#include "protocol/mux/memory.h"
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
  // How long streams wait for the laptop to come back.
  std::chrono::milliseconds linger = std::chrono::hours(24);
};

// What the streams of all sessions hold: with kLeast of each lane of 4096 stuck ones 128 MiB.
inline constexpr std::size_t kAgentMemory = std::size_t{112} << 20U;

struct Options {
  Self self;
  Kinds kinds;
  std::function<Vitals()> vitals;  // read for each heartbeat
  Times times = {};
  std::shared_ptr<mux::Memory> memory = std::make_shared<mux::Memory>(kAgentMemory);
};

// The links of all laptops, one a session id: several at once, with a connection or waiting for
// one.
class Links final {
 public:
  Links(asio::any_io_executor executor, Options options);
  Links(const Links&) = delete;
  Links& operator=(const Links&) = delete;
  ~Links();  // all serve() and stop() must have returned

  // One connection from its offer to its end (PROTOCOL.md section 2). Whoever knows the secret of a
  // session goes on with it; a connection that it has is replaced.
  awaitable<void> serve(Peer peer, std::unique_ptr<stream::Offer> offer);

  // Sends GOODBYE with `reason` over every link, after the last words of its sessions, and waits
  // for their ends. Later ones get it at once.
  awaitable<void> stop(std::string reason);

  std::size_t size() const { return links_.size(); }

 private:
  using List = std::list<std::unique_ptr<Link>>;

  Result<Link*> admit(const Peer& peer, const Hello& hello);
  Link* find(const std::string& session_id);
  void end_former(const Peer& peer, const Hello& hello);
  Link& begin(const Peer& peer, const Hello& hello);
  void make_room();
  awaitable<void> live(List::iterator link);

  const asio::any_io_executor executor_;
  const Options options_;
  List links_;
  base::TaskGroup lives_;
  base::Notify fewer_;
  std::string stopped_;  // why; empty: not
};

}  // namespace rdev::agent_link
