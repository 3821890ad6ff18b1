#include "client/tunnels/attached.h"

#include <sys/resource.h>

#include <utility>

#include "client/link/attach.h"

namespace rdev::tunnels {
namespace {

class AttachedConnection final : public Connection {
 public:
  explicit AttachedConnection(std::unique_ptr<link_process::Attached> attached)
      : attached_(std::move(attached)) {}
  awaitable<Result<link::Opened>> open(StreamRequest request) override {
    return attached_->open(request);  // encoded before this returns
  }
  awaitable<Error> lost() override { return attached_->lost(); }

 private:
  std::unique_ptr<link_process::Attached> attached_;
};

awaitable<Result<std::shared_ptr<Connection>>> attach(state::Paths paths, std::string job,
                                                      Load load, std::string what, OnOpen on_open) {
  link_process::AttachOptions options;
  options.what = std::move(what);
  options.bulk = load == Load::kBulk;
  options.on_open = std::move(on_open);
  auto attached = co_await link_process::Attached::attach(paths, job, std::move(options));
  if (!attached) {
    co_return tl::make_unexpected(attached.error());
  }
  co_return std::make_shared<AttachedConnection>(std::move(*attached));
}

}  // namespace

Connect connect_through(const state::Paths& paths, const std::string& job, Load load,
                        const std::string& what) {
  return [=](OnOpen on_open) { return attach(paths, job, load, what, std::move(on_open)); };
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

}  // namespace rdev::tunnels
