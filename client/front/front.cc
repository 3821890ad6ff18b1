#include "client/front/front.h"

#include <algorithm>
#include <utility>

#include "client/front/children.h"
#include "client/front/services.h"
#include "protocol/base/task_group.h"
#include "protocol/sshd/server.h"

namespace rdev::front {
namespace {

class KnownKeys final : public sshd::Authorizer {
 public:
  explicit KnownKeys(std::vector<ssh::PublicKey> keys) : keys_(std::move(keys)) {}
  // Whether the job knows the user shows when a session starts.
  bool may_login(const std::string&, const ssh::PublicKey& key) override {
    return std::find(keys_.begin(), keys_.end(), key) != keys_.end();
  }

 private:
  const std::vector<ssh::PublicKey> keys_;
};

}  // namespace

struct Front::Impl {
  Impl(const asio::any_io_executor& executor, Streams& streams, Keys keys,
       std::function<void()> ended)
      : joints(executor, streams),
        authorizer(std::move(keys.authorized)),
        server(executor, std::move(keys.host), authorizer, services(joints, std::move(ended)),
               {.clients = ssh::Clients::kOnThisMachine}) {}

  Joints joints;
  KnownKeys authorizer;
  sshd::Server server;
};

Front::Front(const asio::any_io_executor& executor, Streams& streams, Keys keys,
             std::function<void()> ended)
    : impl_(std::make_unique<Impl>(executor, streams, std::move(keys), std::move(ended))) {}

Front::~Front() = default;

void Front::serve(base::Fd socket, const std::string& called) {
  impl_->server.serve(std::move(socket), called);
}

std::size_t Front::connections() const { return impl_->server.connections(); }
const stream::Passed& Front::passed() const { return impl_->joints.passed; }

void Front::disconnect(const std::string& why) { impl_->server.disconnect(why); }

awaitable<void> Front::stop(std::string why) {
  co_await impl_->server.stop(std::move(why));
  impl_->joints.tasks.cancel();
  co_await impl_->joints.tasks.wait();
}

}  // namespace rdev::front
