#include "src/lrprop/evaluation/retrieval.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>

namespace alignment::lrprop {
namespace {

/// Queries whose lists are joined at a time: what it takes on rank 0 is this many lists a rank.
constexpr std::int64_t kQueriesAtATime = 8192;

/// Merges a list [kept] into another of the same length: nearest first, then the smaller number.
void merge(double* squares, std::int64_t* candidates, const double* more_squares, const std::int64_t* more_candidates,
           std::int64_t kept) {
  std::vector<double> merged_squares;
  std::vector<std::int64_t> merged_candidates;
  for (std::int64_t mine = 0, more = 0; mine + more < kept;) {
    const bool take_more = more_candidates[more] >= 0 &&
                           (candidates[mine] < 0 || more_squares[more] < squares[mine] ||
                            (more_squares[more] == squares[mine] && more_candidates[more] < candidates[mine]));
    merged_squares.push_back(take_more ? more_squares[more] : squares[mine]);
    merged_candidates.push_back(take_more ? more_candidates[more++] : candidates[mine++]);
  }
  std::copy(merged_squares.begin(), merged_squares.end(), squares);
  std::copy(merged_candidates.begin(), merged_candidates.end(), candidates);
}

}  // namespace

NearestFrames::NearestFrames(std::int64_t queries, std::int64_t kept)
    : queries_(queries),
      kept_(kept),
      squares_(static_cast<std::size_t>(queries * kept), std::numeric_limits<double>::infinity()),
      candidates_(static_cast<std::size_t>(queries * kept), -1) {}

kernels::NearestLists NearestFrames::lists(std::int64_t first) {
  return {squares_.data() + first * kept_, candidates_.data() + first * kept_, kept_};
}

void NearestFrames::join(std::int64_t first, std::int64_t count, dist::Communicator& communicator) {
  const auto length = static_cast<std::size_t>(count * kept_);
  const kernels::NearestLists mine = lists(first);
  const std::vector<double> squares = communicator.gather(std::span<const double>(mine.squares, length));
  const std::vector<std::int64_t> candidates =
      communicator.gather(std::span<const std::int64_t>(mine.candidates, length));
  for (std::size_t from = length; from < squares.size(); from += static_cast<std::size_t>(kept_)) {
    const std::size_t to = from % length;
    merge(mine.squares + to, mine.candidates + to, squares.data() + from, candidates.data() + from, kept_);
  }
}

std::vector<double> average_precision(NearestFrames& nearest, const std::vector<std::int32_t>& labels,
                                      const std::vector<QueryVideo>& videos, std::span<const std::int64_t> k,
                                      dist::Communicator& communicator) {
  std::vector<std::int64_t> hits(videos.size() * k.size());  // [videos,k], of all queries of a video
  const auto candidates_of = [&](std::size_t video) { return nearest.queries() - videos[video].count; };
  for (std::size_t video = 0; video < videos.size(); ++video) {
    const std::int64_t end = videos[video].first + videos[video].count;
    for (std::int64_t first = videos[video].first; first < end; first += kQueriesAtATime) {
      const std::int64_t count = std::min(kQueriesAtATime, end - first);
      nearest.join(first, count, communicator);
      for (std::int64_t query = first; communicator.is_root() && query < first + count; ++query) {
        const std::int64_t* candidates = nearest.lists(query).candidates;
        for (std::size_t place = 0; place < k.size(); ++place) {
          hits[video * k.size() + place] +=
              std::count_if(candidates, candidates + std::min(k[place], candidates_of(video)), [&](std::int64_t frame) {
                return labels[static_cast<std::size_t>(frame)] == labels[static_cast<std::size_t>(query)];
              });
        }
      }
    }
  }
  communicator.broadcast(std::span(hits), dist::Rank{0});

  std::vector<double> precision(k.size());
  for (std::size_t place = 0; place < k.size(); ++place) {
    double sum = 0;
    for (std::size_t video = 0; video < videos.size(); ++video) {
      const std::int64_t retrieved = videos[video].count * std::min(k[place], candidates_of(video));
      sum += static_cast<double>(hits[video * k.size() + place]) / static_cast<double>(retrieved);
    }
    precision[place] = sum / static_cast<double>(videos.size());
  }
  return precision;
}

}  // namespace alignment::lrprop
