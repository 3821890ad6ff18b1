#include "client/cluster/openpai/job_query.h"

#include <algorithm>
#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

#include "client/ui/suggest.h"

namespace rdev::cluster::openpai {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : ",") + word;
  }
  return text;
}

bool is_in(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool share(const std::vector<std::string>& some, const std::vector<std::string>& others) {
  return std::any_of(some.begin(), some.end(),
                     [&](const std::string& one) { return is_in(others, one); });
}

bool is_any_or_in(const std::vector<std::string>& words, const std::string& word) {
  return words.empty() || is_in(words, word);
}

bool is_meant(const JobSummary& job, const JobQuery& query) {
  const auto has_keyword = [&](const std::string& text) {
    return text.find(query.keyword) != std::string::npos;
  };
  return is_any_or_in(query.users, job.user) && is_any_or_in(query.states, job.raw_state) &&
         is_any_or_in(query.virtual_clusters, job.virtual_cluster) &&
         is_any_or_in(query.priorities, job.priority) &&
         (query.tags.empty() || share(query.tags, job.tags)) && !share(query.not_tags, job.tags) &&
         (has_keyword(job.name) || has_keyword(job.user) || has_keyword(job.virtual_cluster));
}

using Less = bool (*)(const JobSummary&, const JobSummary&);

Less less_by(std::string_view field) {
  using Job = JobSummary;
  if (field == "jobName") {
    return [](const Job& a, const Job& b) { return a.name < b.name; };
  }
  if (field == "username") {
    return [](const Job& a, const Job& b) { return a.user < b.user; };
  }
  if (field == "vc") {
    return [](const Job& a, const Job& b) { return a.virtual_cluster < b.virtual_cluster; };
  }
  if (field == "state") {
    return [](const Job& a, const Job& b) { return a.raw_state < b.raw_state; };
  }
  if (field == "jobPriority") {
    return [](const Job& a, const Job& b) { return a.priority < b.priority; };
  }
  if (field == "retries") {
    return [](const Job& a, const Job& b) { return a.retries < b.retries; };
  }
  if (field == "totalTaskNumber") {
    return [](const Job& a, const Job& b) { return a.tasks < b.tasks; };
  }
  if (field == "totalGpuNumber") {
    return [](const Job& a, const Job& b) { return a.gpus < b.gpus; };
  }
  if (field == "completionTime") {
    return [](const Job& a, const Job& b) { return a.completed_ms < b.completed_ms; };
  }
  return [](const Job& a, const Job& b) { return a.submitted_ms < b.submitted_ms; };
}

}  // namespace

std::string job_query_target(const JobQuery& query) {
  std::string target = "/api/v2/jobs?withTotalCount=true";
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) {
      target += std::string("&") + key + "=" +
                std::string(boost::urls::encode(value, boost::urls::unreserved_chars));
    }
  };
  add("username", joined(query.users));
  add("state", joined(query.states));
  add("vc", joined(query.virtual_clusters));
  add("jobPriority", joined(query.priorities));
  add("tagsContain", joined(query.tags));
  add("tagsNotContain", joined(query.not_tags));
  add("keyword", query.keyword);
  add("order", query.order);
  add("offset", query.offset == 0 ? "" : std::to_string(query.offset));
  add("limit", std::to_string(query.limit));
  return target;
}

const std::vector<OrderField>& order_fields() {
  static const std::vector<OrderField> kFields = {
      {"submitted", "submissionTime"},
      {"name", "jobName"},
      {"user", "username"},
      {"vc", "vc"},
      {"state", "state"},
      {"retries", "retries"},
      {"tasks", "totalTaskNumber"},
      {"gpus", "totalGpuNumber"},
      {"completed", "completionTime"},
      {"priority", "jobPriority"},
  };
  return kFields;
}

Result<std::string> parse_order(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string word = text.substr(0, colon);
  const std::string way = colon == std::string::npos ? "" : text.substr(colon + 1);
  std::string list;
  std::vector<std::string_view> words;
  for (const OrderField& field : order_fields()) {
    if (word != field.word) {
      list += (list.empty() ? "" : ", ") + std::string(field.word);
      words.emplace_back(field.word);
      continue;
    }
    if (!way.empty() && way != "asc" && way != "desc") {
      return fail(Code::kUsage, "a sort order ends in :asc or :desc, not in ':" + way + "'");
    }
    const bool is_word = word == "name" || word == "user" || word == "vc" || word == "state";
    const bool is_up = way.empty() ? is_word : way == "asc";
    return std::string(field.field) + (is_up ? ",ASC" : ",DESC");
  }
  return fail(Code::kUsage, "jobs cannot be sorted by '" + word + "'" +
                                ui::did_you_mean(word, words) + " (but by " + list + ")");
}

JobList filtered(JobList all, const JobQuery& query) {
  std::vector<JobSummary>& jobs = all.jobs;
  std::erase_if(jobs, [&](const JobSummary& job) { return !is_meant(job, query); });
  const std::string order = query.order.empty() ? "submissionTime,DESC" : query.order;
  const Less less = less_by(std::string_view(order).substr(0, order.find(',')));
  std::sort(jobs.begin(), jobs.end(), [&](const JobSummary& a, const JobSummary& b) {
    if (less(a, b) || less(b, a)) {
      return order.ends_with(",ASC") ? less(a, b) : less(b, a);
    }
    return a.submitted_ms > b.submitted_ms;
  });
  all.total = static_cast<std::int64_t>(jobs.size());
  const auto first =
      jobs.begin() + static_cast<std::ptrdiff_t>(std::min(query.offset, jobs.size()));
  const auto left = static_cast<std::size_t>(jobs.end() - first);
  all.jobs = std::vector<JobSummary>(
      first, first + static_cast<std::ptrdiff_t>(std::min(query.limit, left)));
  return all;
}

}  // namespace rdev::cluster::openpai
