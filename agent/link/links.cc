#include "agent/link/links.h"

#include <utility>

#include "agent/link/link.h"
#include "protocol/base/log.h"
#include "protocol/base/with_timeout.h"

namespace rdev::agent_link {
namespace {

constexpr std::chrono::seconds kGoodbye{2};

// A peer that sends no HELLO may not read either.
awaitable<void> turn_away(stream::Stream& carrier, const std::string& why) {
  auto writing = write_frame(carrier, wire::Type::kGoodbye, goodbye(why));
  if (const auto told = co_await base::with_timeout(std::move(writing), kGoodbye, "a goodbye");
      !told) {
    base::log_debug("a goodbye did not arrive", {{"error", told.error().message}});
  }
  carrier.close();
}

}  // namespace

class Links::Listed final {
 public:
  Listed(Links& links, Link& link)
      : links_(links), at_(links.links_.insert(links.links_.end(), &link)) {}
  Listed(const Listed&) = delete;
  Listed& operator=(const Listed&) = delete;
  ~Listed() {
    links_.links_.erase(at_);
    links_.fewer_.notify();
  }

 private:
  Links& links_;
  const std::list<Link*>::iterator at_;
};

Links::Links(asio::any_io_executor executor, Options options)
    : executor_(std::move(executor)), options_(std::move(options)), fewer_(executor_) {}

Links::~Links() = default;

awaitable<void> Links::serve(Peer peer, std::unique_ptr<stream::Offer> offer) {
  const auto carrier = offer->accept();
  auto hello =
      co_await base::with_timeout(read_hello(*carrier), options_.times.hello, "the link's HELLO");
  auto admitted = hello ? admit(peer, *hello) : tl::make_unexpected(hello.error());
  if (!admitted) {
    base::log_info("link refused",
                   {{"remote", peer.remote_address}, {"why", admitted.error().message}});
    co_await turn_away(*carrier, admitted.error().message);
    co_return;
  }
  co_await carry(std::move(peer), *std::move(hello), *carrier);
}

Result<void> Links::admit(const Peer& peer, const Hello& hello) {
  if (!stopped_.empty()) {
    return fail(Code::kClosed, stopped_);
  }
  if (auto checked = check_hello(hello, options_.self); !checked) {
    return checked;
  }
  for (Link* link : links_) {
    if (link->session_id() != hello.session_id()) {
      continue;
    }
    if (!link->belongs_to(peer, hello.session_secret())) {
      return fail(Code::kPermission, "the link's session belongs to somebody else");
    }
    link->end("the session goes on over another connection");
  }
  return {};
}

awaitable<void> Links::carry(Peer peer, Hello hello, stream::Stream& carrier) {
  base::log_info("link", {{"remote", peer.remote_address}, {"program", hello.program()}});
  Link link(executor_, options_, std::move(peer), std::move(hello));
  const Listed listed(*this, link);
  const Error why = co_await link.run(carrier);
  base::log_info("link ended", {{"remote", link.peer().remote_address}, {"why", why.message}});
}

awaitable<void> Links::stop(std::string reason) {
  stopped_ = std::move(reason);
  for (Link* link : links_) {
    link->end_after_sessions(stopped_);
  }
  while (!links_.empty()) {
    co_await fewer_.wait();
  }
}

}  // namespace rdev::agent_link
