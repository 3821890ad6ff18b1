#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "client/cluster/openpai/detail.h"
#include "client/cluster/openpai/errors.h"
#include "client/cluster/openpai/events.h"
#include "client/cluster/openpai/info.h"
#include "client/cluster/openpai/listing.h"
#include "client/cluster/openpai/login.h"
#include "client/cluster/openpai/resources.h"

namespace {

using namespace rdev::cluster::openpai;

// A sentence fits its bound and holds nothing that moves a terminal's cursor.
void check(std::string_view sentence, std::size_t max) {
  if (sentence.size() > max) {
    std::abort();
  }
  for (const char c : sentence) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      std::abort();
    }
  }
}

void read_answers(std::string_view body) {
  if (const auto info = parse_info(body)) {
    (void)check_supported(*info);
  }
  (void)parse_auth(body);
  (void)parse_login(body);
  (void)parse_claims(body);
  (void)token_claims(body);
  (void)parse_jobs(body);
  (void)parse_job_config(body);
  (void)parse_virtual_clusters(body);
  (void)parse_sku_types(body);
  (void)parse_storages(body);
  (void)parse_storage(body);
  (void)parse_old_storages(body, body, "alice");
  (void)parse_log_locations(body);
  (void)parse_user_virtual_clusters(body);
  if (auto detail = parse_job_detail(body)) {
    detail->state = State::kFailed;
    check(end_reason(*detail), 500);
  }
  if (const auto events = parse_events(body)) {
    if (const auto waiting = waiting_reason(*events)) {
      check(waiting->sentence, 300);
    }
  }
}

}  // namespace

// Every parser reads every body, also as a refusal of several statuses.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  read_answers(body);
  for (const int status : {302, 400, 401, 403, 404, 409, 429, 500, 502}) {
    const Refusal refusal{
        .status = status, .body = std::string(body), .retry_after = std::string(body.substr(0, 8))};
    const std::string word(body.substr(0, 100));
    check(explain(Doing::kSubmit, refusal, {.cluster = word, .user = word, .job = word}).message,
          300);
  }
  return 0;
}
