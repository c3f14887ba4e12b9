"""The term of FedProx (Li et al. 2020) for TensorFlow: loss + mu / 2 |w - w0|^2."""

import tensorflow as tf


class TFFedProxLoss(tf.keras.losses.Loss):
    """`local_model_weights`, `global_model_weights`: trainable weights of the model that is trained and of the received one."""

    def __init__(self, local_model_weights, global_model_weights, mu, loss_fun, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.local_model_weights = local_model_weights
        self.global_model_weights = global_model_weights
        self.mu = mu
        self.loss_fun = loss_fun

    def call(self, y_true, y_pred):
        return self.loss_fun(y_true, y_pred) + (self.mu / 2) * self.model_difference_norm(
            self.global_model_weights, self.local_model_weights
        )

    def model_difference_norm(self, global_model, local_model):
        return tf.add_n([tf.reduce_sum(tf.square(own - other)) for own, other in zip(local_model, global_model)])
