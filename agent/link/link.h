#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/link/links.h"
#include "protocol/base/task_group.h"
#include "protocol/link/endpoint.h"

namespace rdev::agent_link {

// A laptop's session: streams joined to what serves their kinds. It outlives its connections, of
// which it has one at a time or none.
class Link final : link::Endpoint::Handler {
 public:
  // `options` must outlive the link.
  Link(const asio::any_io_executor& executor, const Options& options, const Peer& peer,
       const Hello& hello);
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() override;

  const std::string& session_id() const { return id_; }
  bool belongs_to(const Peer& peer, std::string_view secret) const;
  // Whether the laptop has given up the connection that says this: it has said HELLO over a later
  // one already.
  bool is_late(const Hello& hello) const;
  bool over() const { return !over_.empty(); }
  // Since when it has had no connection; nothing: it has one.
  std::optional<std::chrono::steady_clock::time_point> waits_since() const;

  // Answers a HELLO and carries the streams until `carrier` ends, end(), cancellation or another
  // run(), which takes them over.
  awaitable<Error> run(stream::Stream& carrier, const Hello& hello);
  // Until end(), the laptop's GOODBYE, or nobody has come back for Times::linger; why. All streams
  // are then over and all their handlers have ended.
  awaitable<std::string> live();
  // Says GOODBYE.
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
  awaitable<void> farewell(std::string reason);
  bool expired() const;

  const Options& options_;
  const std::string id_, secret_, key_fingerprint_;
  link::Endpoint endpoint_;
  base::TaskGroup tasks_, sessions_;
  std::string over_;  // why; empty: not
  int running_ = 0;   // run()s; all but the last are about to return
  std::uint64_t runs_ = 0;
  std::optional<Clock::time_point> idle_since_;
  asio::steady_timer changed_;  // over_ or running_; expires when the session does

  // Of the last HELLO:
  std::string process_id_;
  std::uint64_t attempt_ = 0;

  // Of the connection:
  std::optional<std::uint64_t> sent_;  // bytes_out() at the last heartbeat
  std::uint64_t heard_us_ = 0;         // sent_us of the laptop's last heartbeat
  Clock::time_point heard_at_;
};

}  // namespace rdev::agent_link
