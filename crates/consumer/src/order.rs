//! In which order queues are looked at: strictly, or by weight.

use std::sync::Arc;

use aqueduct_core::QueueName;

/// The order of the queues of each claim.
///
/// With weights, the queue to begin with is chosen by smooth weighted round robin, as nginx
/// describes it: over a period, each queue is first as often as its weight says, evenly spread. The
/// others follow in their given order, so that no claim returns empty while any queue has runs.
#[derive(Debug)]
pub(crate) struct QueueOrder {
    queues: Arc<[QueueName]>,
    shares: Vec<Share>,
}

#[derive(Debug)]
struct Share {
    weight: i64,
    credit: i64,
}

impl QueueOrder {
    pub(crate) fn new(queues: Arc<[QueueName]>, weights: Vec<u32>) -> Self {
        let share = |weight: u32| Share {
            weight: i64::from(weight),
            credit: 0,
        };
        Self {
            queues,
            shares: weights.into_iter().map(share).collect(),
        }
    }

    /// Returns the order of the next claim.
    pub(crate) fn next(&mut self) -> Arc<[QueueName]> {
        let Some(first) = self.next_first() else {
            return Arc::clone(&self.queues);
        };
        let mut order = self.queues.to_vec();
        if let Some(up_to_first) = order.get_mut(..=first) {
            up_to_first.rotate_right(1);
        }
        order.into()
    }

    fn next_first(&mut self) -> Option<usize> {
        let total: i64 = self.shares.iter().map(|share| share.weight).sum();
        for share in &mut self.shares {
            share.credit += share.weight;
        }
        let richest = self
            .shares
            .iter_mut()
            .enumerate()
            .rev()
            .max_by_key(|(_, it)| it.credit);
        let (first, share) = richest?;
        share.credit -= total;
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_share_the_first_place() {
        let names = ["a", "b"].map(QueueName::from_static);
        let mut order = QueueOrder::new(names.into(), vec![3, 1]);
        let firsts: Vec<String> = (0..8)
            .filter_map(|_| order.next().first().map(ToString::to_string))
            .collect();
        assert_eq!(firsts.concat(), "aabaaaba");
    }

    #[test]
    fn without_weights_the_order_is_strict() {
        let names = ["a", "b"].map(QueueName::from_static);
        let mut order = QueueOrder::new(names.clone().into(), Vec::new());
        assert!((0..3).all(|_| *order.next() == names));
    }
}
