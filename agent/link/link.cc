#include "agent/link/link.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "protocol/base/log.h"
#include "protocol/base/with_timeout.h"

namespace rdev::agent_link {
namespace {

constexpr std::size_t kMaxStreams = 4096;
constexpr std::chrono::seconds kLastWords{1};

std::uint64_t microseconds(std::chrono::steady_clock::duration duration) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

// The handler's function must live as long as the coroutine that it makes.
template <class Request>
awaitable<void> serve(const KindHandler<Request>& handler, Request request,
                      std::unique_ptr<link::Offer> offer) {
  co_await handler(std::move(request), std::move(offer));
}

template <class Request>
awaitable<void> serve_parent(const ParentHandler<Request>& handler, Request request, OpenChild open,
                             std::unique_ptr<link::Offer> offer) {
  co_await handler(std::move(request), std::move(open), std::move(offer));
}

awaitable<Result<void>> all_ended(base::TaskGroup& group) {
  co_await group.wait();
  co_return Result<void>();
}

awaitable<Result<std::unique_ptr<stream::Stream>>> open_child(link::Endpoint& endpoint,
                                                              mux::StreamId parent,
                                                              Accepted accepted) {
  StreamRequest request;
  *request.mutable_accepted() = std::move(accepted);
  auto opened = co_await endpoint.open(request.SerializeAsString(), parent);
  if (!opened) {
    co_return tl::make_unexpected(opened.error());
  }
  co_return std::move(opened->stream);
}

}  // namespace

Link::Link(const asio::any_io_executor& executor, const Options& options, const Peer& peer,
           const Hello& hello)
    : options_(options),
      id_(hello.session_id()),
      secret_(hello.session_secret()),
      key_fingerprint_(peer.key_fingerprint),
      endpoint_(executor,
                {.side = mux::Side::kAgent,
                 .streams = kMaxStreams,
                 .most_window = mux::kMostWindow,
                 .memory = std::make_shared<mux::Memory>(mux::kSessionMemory, options.memory)},
                *this),
      tasks_(executor),
      sessions_(executor),
      changed_(executor) {}

Link::~Link() = default;

bool Link::belongs_to(const Peer& peer, std::string_view secret) const {
  return same_secret(secret, secret_) && peer.key_fingerprint == key_fingerprint_;
}

bool Link::is_late(const Hello& hello) const {
  return hello.attempt() != 0 && hello.attempt() <= attempt_ && hello.process_id() == process_id_;
}

awaitable<Error> Link::run(stream::Stream& carrier, const Hello& hello) {
  co_await asio::this_coro::throw_if_cancelled(false);
  process_id_ = hello.process_id();
  attempt_ = hello.attempt();
  ++runs_;
  ++running_;
  idle_since_.reset();
  changed_.cancel();
  Welcome answer = welcome(options_.self);
  for (const std::uint32_t consumer : endpoint_.consumers()) {
    answer.add_consumers(consumer);
  }
  std::string first;
  wire::append_frame(first, {.type = wire::Type::kWelcome}, answer.SerializeAsString());
  Goodbye goodbye;
  goodbye.set_reason("the session goes on over another connection");
  goodbye.set_taken_over_by(hello.process_id());
  sent_.reset();
  heard_us_ = 0;
  base::TaskGroup beating(co_await asio::this_coro::executor);
  beating.spawn("link heartbeats", beat());
  Error why = co_await endpoint_.run(carrier, std::move(first), goodbye.SerializeAsString());
  beating.cancel();
  co_await beating.wait();
  carrier.close();
  if (--running_ == 0) {
    idle_since_ = Clock::now();
  }
  changed_.cancel();
  co_return why;
}

std::optional<Link::Clock::time_point> Link::waits_since() const {
  return over_.empty() ? idle_since_ : std::nullopt;
}

bool Link::expired() const {
  return idle_since_ && Clock::now() >= *idle_since_ + options_.times.linger;
}

awaitable<std::string> Link::live() {
  while (over_.empty() && !expired()) {
    changed_.expires_at(idle_since_ ? *idle_since_ + options_.times.linger
                                    : Clock::time_point::max());
    (void)co_await changed_.async_wait(use_tuple);
  }
  end("the laptop has not come back for too long");
  while (running_ > 0) {
    changed_.expires_at(Clock::time_point::max());
    (void)co_await changed_.async_wait(use_tuple);
  }
  endpoint_.reset_all(over_);
  tasks_.cancel();
  sessions_.cancel();
  co_await tasks_.wait();
  co_await sessions_.wait();
  co_return over_;
}

void Link::end(const std::string& reason) {
  if (over_.empty()) {
    over_ = reason;
    endpoint_.send(wire::Type::kGoodbye, goodbye(reason));
    endpoint_.end({Code::kClosed, reason});
    changed_.cancel();
  }
}

void Link::end_after_sessions(const std::string& reason) {
  if (running_ == 0) {
    return end(reason);
  }
  tasks_.spawn("link farewell", farewell(reason));
}

awaitable<void> Link::farewell(std::string reason) {
  auto told = co_await base::with_timeout(all_ended(sessions_), kLastWords, "the sessions' ends");
  if (told) {
    told = co_await base::with_timeout(endpoint_.flush(), kLastWords, "sending the last bytes");
  }
  if (!told) {
    base::log_info("the laptop may miss the end of its sessions", {{"why", told.error().message}});
  }
  end(reason);
}

void Link::on_open(std::string_view request, mux::StreamId, std::unique_ptr<link::Offer> offer) {
  StreamRequest wanted;
  if (!wanted.ParseFromArray(request.data(), static_cast<int>(request.size()))) {
    return offer->refuse(stream::Refusal::kProhibited, "the request cannot be read");
  }
  dispatch(wanted, std::move(offer));
}

void Link::dispatch(const StreamRequest& request, std::unique_ptr<link::Offer> offer) {
  const Kinds& kinds = options_.kinds;
  switch (request.what_case()) {
    case StreamRequest::kSession:
      return start(sessions_, "sessions", kinds.session, request.session(), std::move(offer));
    case StreamRequest::kTcp:
      return start(tasks_, "TCP forwards", kinds.tcp, request.tcp(), std::move(offer));
    case StreamRequest::kUnixSocket:
      return start(tasks_, "forwards to unix sockets", kinds.unix_socket, request.unix_socket(),
                   std::move(offer));
    case StreamRequest::kListen:
      return start_parent("listening for the laptop", kinds.listen, request.listen(),
                          std::move(offer));
    case StreamRequest::kSsh:
      return start(tasks_, "SSH over the link", kinds.ssh, request.ssh(), std::move(offer));
    case StreamRequest::kExtend:
      return start(tasks_, "a longer lifetime", kinds.extend, request.extend(), std::move(offer));
    case StreamRequest::kLendAgent:
      return start_parent("lent agents", kinds.lend_agent, request.lend_agent(), std::move(offer));
    case StreamRequest::kAccepted:
    case StreamRequest::WHAT_NOT_SET:
      return refuse_unknown(*offer, "what was asked for");
  }
}

template <class Request>
void Link::start(base::TaskGroup& group, const char* what, const KindHandler<Request>& handler,
                 Request request, std::unique_ptr<link::Offer> offer) {
  if (!handler) {
    return refuse_unknown(*offer, what);
  }
  group.spawn(what, serve(handler, std::move(request), std::move(offer)));
}

template <class Request>
void Link::start_parent(const char* what, const ParentHandler<Request>& handler, Request request,
                        std::unique_ptr<link::Offer> offer) {
  if (!handler) {
    return refuse_unknown(*offer, what);
  }
  OpenChild open = [this, parent = offer->id()](Accepted accepted) {
    return open_child(endpoint_, parent, std::move(accepted));
  };
  tasks_.spawn(what, serve_parent(handler, std::move(request), std::move(open), std::move(offer)));
}

void Link::refuse_unknown(link::Offer& offer, const std::string& what) const {
  offer.refuse(stream::Refusal::kUnknownType,
               "this agent (" + options_.self.program + ") does not know " + what +
                   ": it is older than your rdev; start the job anew with rdev down and rdev up");
}

Result<void> Link::on_frame(const wire::Frame& frame) {
  switch (frame.header.type) {
    case wire::Type::kHeartbeat:
      return on_heartbeat(frame.payload);
    case wire::Type::kGoodbye: {
      Goodbye message;
      const bool read =
          message.ParseFromArray(frame.payload.data(), static_cast<int>(frame.payload.size()));
      over_ = read && !message.reason().empty() ? message.reason() : "the laptop said goodbye";
      changed_.cancel();
      return fail(Code::kClosed, over_);
    }
    case wire::Type::kHello:
    case wire::Type::kWelcome:
      return fail(Code::kProtocol, "HELLO comes once, and WELCOME from the agent only");
    default:
      return {};
  }
}

Result<void> Link::on_heartbeat(std::string_view payload) {
  Heartbeat heartbeat;
  if (!heartbeat.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return fail(Code::kProtocol, "a heartbeat cannot be read");
  }
  heard_us_ = heartbeat.sent_us();
  heard_at_ = Clock::now();
  if (heartbeat.answer_now()) {
    send_heartbeat();
  }
  return {};
}

awaitable<void> Link::beat() {
  asio::steady_timer timer(co_await asio::this_coro::executor, Clock::now());
  const std::uint64_t mine = runs_;
  std::uint64_t heard = endpoint_.bytes_in();
  Clock::time_point heard_last = Clock::now();
  for (;;) {
    co_await timer.async_wait(asio::use_awaitable);
    if (runs_ != mine) {
      co_return;  // another connection has taken over
    }
    if (endpoint_.bytes_in() != heard) {
      heard = endpoint_.bytes_in();
      heard_last = Clock::now();
    }
    if (Clock::now() - heard_last >= options_.times.silence) {
      constexpr char kWhy[] = "nothing was heard from the laptop for too long";
      endpoint_.send(wire::Type::kGoodbye, goodbye(kWhy));
      co_return endpoint_.end({Code::kTimeout, kWhy});
    }
    send_heartbeat();
    timer.expires_after(options_.times.heartbeat);
  }
}

// One that still waits to go out is not joined by others: a peer that does not read costs nothing.
void Link::send_heartbeat() {
  if (sent_ == endpoint_.bytes_out()) {
    return;
  }
  sent_ = endpoint_.bytes_out();
  const Clock::time_point now = Clock::now();
  Heartbeat heartbeat;
  heartbeat.set_sent_us(microseconds(now.time_since_epoch()));
  if (heard_us_ != 0) {
    heartbeat.set_echo_us(heard_us_);
    heartbeat.set_echo_delay_us(microseconds(now - heard_at_));
  }
  *heartbeat.mutable_vitals() = options_.vitals();
  endpoint_.send(wire::Type::kHeartbeat, heartbeat.SerializeAsString());
}

}  // namespace rdev::agent_link
