#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/link/links.h"
#include "protocol/base/task_group.h"
#include "protocol/link/endpoint.h"

namespace rdev::agent_link {

// A laptop's session, for now with one connection: heartbeats, and streams joined to what serves
// their kinds.
class Link final : link::Endpoint::Handler {
 public:
  // `options` must outlive the link.
  Link(const asio::any_io_executor& executor, const Options& options, Peer peer, Hello hello);
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() override;

  const std::string& session_id() const { return hello_.session_id(); }
  bool belongs_to(const Peer& peer, std::string_view secret) const;
  const Peer& peer() const { return peer_; }

  // Answers the HELLO and carries streams until `carrier` ends, end() or cancellation. All streams
  // are then over and all their handlers have ended.
  awaitable<Error> run(stream::Stream& carrier);
  // Says GOODBYE; run() returns soon.
  void end(const std::string& reason);
  // The same once the sessions, whose processes have ended, have said so.
  void end_after_sessions(const std::string& reason);

 private:
  using Clock = std::chrono::steady_clock;

  void on_open(std::string_view request, mux::StreamId parent,
               std::unique_ptr<link::Offer> offer) override;
  Result<void> on_frame(const wire::Frame& frame) override;
  void dispatch(const StreamRequest& request, std::unique_ptr<link::Offer> offer);
  template <class Request>
  void start(base::TaskGroup& group, const char* what, const KindHandler<Request>& handler,
             Request request, std::unique_ptr<link::Offer> offer);
  void refuse_unknown(link::Offer& offer, const std::string& what) const;
  template <class Request>
  void start_parent(const char* what, const ParentHandler<Request>& handler, Request request,
                    std::unique_ptr<link::Offer> offer);
  Result<void> on_heartbeat(std::string_view payload);
  awaitable<void> beat();
  void send_heartbeat();
  void give_back_memory();
  awaitable<void> farewell(std::string reason);

  const Options& options_;
  const Peer peer_;
  const Hello hello_;
  link::Endpoint endpoint_;
  base::TaskGroup tasks_, sessions_;
  std::size_t most_streams_ = 0;  // at once, since memory was given back
  bool ending_ = false;
  std::optional<std::uint64_t> sent_;  // bytes_out() at the last heartbeat
  std::uint64_t heard_us_ = 0;         // sent_us of the laptop's last heartbeat
  Clock::time_point heard_at_;
};

}  // namespace rdev::agent_link
