#include "client/front/children.h"

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "protocol/base/notify.h"
#include "protocol/base/with_timeout.h"
#include "protocol/stream/refusal.h"

namespace rdev::front {
namespace {

// For the agent's word that it listens no more, when its client has asked for that.
constexpr std::chrono::seconds kCancelLimit{5};

struct Child {
  sshd::Originator from;
  std::unique_ptr<link::Offer> offer;
};

awaitable<void> join_child(Joints& joints, sshd::OpenBack open_back, Child child) {
  auto channel = co_await open_back(std::move(child.from));
  if (!channel) {
    co_return child.offer->refuse(stream::refusal_of(channel.error().code),
                                  channel.error().message);
  }
  co_await stream::join(*std::move(channel), child.offer->accept({}), joints.passed);
}

// The streams below one of ours. Shared by who gets them from the link and by what asked for them.
class Children final {
 public:
  explicit Children(Joints& joints) : joints_(joints) {}

  void take(const Accepted& accepted, std::unique_ptr<link::Offer> offer) {
    Child child{.from = {.host = accepted.originator(),
                         .port = static_cast<std::uint16_t>(accepted.originator_port())},
                .offer = std::move(offer)};
    if (open_back_) {
      joints_.tasks.spawn("connection of the job",
                          join_child(joints_, open_back_, std::move(child)));
    } else {
      early_.push_back(std::move(child));  // the agent bounds how many it opens at a time
    }
  }
  void start(sshd::OpenBack open_back) {
    open_back_ = std::move(open_back);
    for (Child& child : std::exchange(early_, {})) {
      joints_.tasks.spawn("connection of the job",
                          join_child(joints_, open_back_, std::move(child)));
    }
  }

 private:
  Joints& joints_;
  sshd::OpenBack open_back_;
  std::vector<Child> early_;
};

// The parent stream, as long as it is wanted.
struct Parent {
  Parent(Joints& of, link::Opened from) : joints(of), opened(std::move(from)) {}
  Parent(const Parent&) = delete;
  Parent& operator=(const Parent&) = delete;
  ~Parent() { joints.streams.forget(opened.id); }

  Joints& joints;
  link::Opened opened;
};

awaitable<Result<void>> read_to_end(stream::Stream& stream) {
  char ignored[256];
  for (;;) {
    const auto n = co_await stream.read(asio::buffer(ignored));
    if (!n || *n == 0) {
      co_return Result<void>{};
    }
  }
}

class Listening final : public sshd::Listening {
 public:
  Listening(Joints& joints, std::shared_ptr<Children> children, link::Opened opened,
            std::uint16_t port)
      : children_(std::move(children)), parent_(joints, std::move(opened)), port_(port) {}

  std::uint16_t port() const override { return port_; }

  awaitable<void> accept(sshd::OpenBack open_back) override {
    co_await asio::this_coro::throw_if_cancelled(false);
    children_->start(std::move(open_back));
    base::Notify cancelled(co_await asio::this_coro::executor);
    while ((co_await asio::this_coro::cancellation_state).cancelled() ==
           asio::cancellation_type::none) {
      co_await cancelled.wait();
    }
    // The agent ends its side once it listens no more: then the place may be asked for again.
    stream::Stream& stream = *parent_.opened.stream;
    stream.write_eof();
    (void)co_await base::with_timeout(read_to_end(stream), kCancelLimit, "the end of listening");
  }

 private:
  const std::shared_ptr<Children> children_;
  Parent parent_;
  const std::uint16_t port_;
};

// RFC 4254 section 7.1, as sshd does it with GatewayPorts=clientspecified: "" is every address, as
// "*" is; the link's empty host is loopback.
StreamRequest listen_request(const sshd::ListenTarget& target) {
  StreamRequest request;
  Listen& listen = *request.mutable_listen();
  if (!target.path.empty()) {
    listen.set_path(target.path);
  } else {
    listen.set_host(target.host.empty() ? "*" : target.host);
    listen.set_port(target.port);
  }
  return request;
}

}  // namespace

awaitable<Result<std::unique_ptr<sshd::Listening>>> listen(Joints& joints,
                                                           sshd::ListenTarget target) {
  const auto children = std::make_shared<Children>(joints);
  auto opened = co_await joints.streams.listen(listen_request(target),
                                               std::bind_front(&Children::take, children));
  if (!opened) {
    co_return tl::make_unexpected(opened.error());
  }
  rdev::Listening answer;
  const bool read = answer.ParseFromString(opened->answer) && answer.port() <= 65535;
  auto listening = std::make_unique<Listening>(joints, children, *std::move(opened),
                                               static_cast<std::uint16_t>(answer.port()));
  if (!read || (answer.port() == 0 && target.path.empty())) {
    co_return fail(Code::kProtocol, "the agent did not say where it listens");
  }
  co_return listening;
}

awaitable<Result<std::shared_ptr<void>>> lend_agent(Joints& joints, std::string user,
                                                    sshd::OpenBack open_back) {
  const auto children = std::make_shared<Children>(joints);
  children->start(std::move(open_back));
  StreamRequest request;
  request.mutable_lend_agent()->set_user(std::move(user));
  auto opened = co_await joints.streams.listen(std::move(request),
                                               std::bind_front(&Children::take, children));
  if (!opened) {
    co_return tl::make_unexpected(opened.error());
  }
  co_return std::make_shared<Parent>(joints, *std::move(opened));
}

}  // namespace rdev::front
