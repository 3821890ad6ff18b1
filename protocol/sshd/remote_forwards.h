#pragma once

#include <deque>
#include <memory>
#include <string_view>
#include <vector>

#include "protocol/ssh/connection.h"
#include "protocol/sshd/host.h"

namespace rdev::sshd {

// What listens here for one connection's client: tcpip-forward (RFC 4254 section 7.1) and
// streamlocal-forward@openssh.com (OpenSSH's PROTOCOL, section 2.4), and their cancelling. Requests
// are served one after the other: their answers leave in that order anyway, and a cancel finds what
// was asked for before it.
//
// Shared by the connection and the coroutine that serves the requests.
class RemoteForwards final : public std::enable_shared_from_this<RemoteForwards> {
 public:
  static constexpr std::size_t kMost = 64;

  RemoteForwards(Host& host, std::shared_ptr<const Peer> peer,
                 std::weak_ptr<ssh::Connection> connection)
      : host_(host), peer_(std::move(peer)), connection_(std::move(connection)) {}
  RemoteForwards(const RemoteForwards&) = delete;
  RemoteForwards& operator=(const RemoteForwards&) = delete;

  static bool is_one(std::string_view type);
  // A global request of these types; false when `body` is malformed.
  bool on_request(std::string_view type, ssh::Reader body, ssh::GlobalReply reply);
  // The connection is over, and with it all that listens for it.
  void stop();

 private:
  struct Forward;
  struct Request {
    bool cancel = false;
    ListenTarget target;
    ssh::GlobalReply reply;
  };

  static awaitable<void> serve(std::shared_ptr<RemoteForwards> self);
  awaitable<void> start(Request request);
  awaitable<void> cancel(Request request);
  void refused(const ListenTarget& target, std::string_view why) const;

  Host& host_;
  const std::shared_ptr<const Peer> peer_;
  const std::weak_ptr<ssh::Connection> connection_;
  std::deque<Request> requests_;  // bounded by ssh::GlobalAnswers
  std::vector<std::shared_ptr<Forward>> forwards_;
  bool serving_ = false;
  bool stopped_ = false;
};

}  // namespace rdev::sshd
