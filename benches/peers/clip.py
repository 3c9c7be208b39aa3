"""CLIP's encoders through `transformers`, with its fused attention (sdpa)."""

import torch
from transformers import (
    CLIPTextConfig,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

# Their names of a block's parts, and ours (OpenAI's); the projections of queries, keys and values are one matrix here.
BLOCK = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}
IMAGE = {
    "embeddings.class_embedding": "class_embedding",
    "embeddings.patch_embedding.weight": "conv1.weight",
    "embeddings.position_embedding.weight": "positional_embedding",
    "pre_layrnorm.weight": "ln_pre.weight",
    "pre_layrnorm.bias": "ln_pre.bias",
    "post_layernorm.weight": "ln_post.weight",
    "post_layernorm.bias": "ln_post.bias",
}
TEXT = {
    "embeddings.token_embedding.weight": "token_embedding.weight",
    "embeddings.position_embedding.weight": "positional_embedding",
    "final_layer_norm.weight": "ln_final.weight",
    "final_layer_norm.bias": "ln_final.bias",
}


def renamed(names, given, prefix, layers):
    """Weights under their names, `prefix` before all but the projection's."""
    weights = {prefix + theirs: given[ours] for theirs, ours in names.items()}
    for layer in range(layers):
        block, theirs = f"transformer.resblocks.{layer}", f"{prefix}encoder.layers.{layer}"
        for kind in ("weight", "bias"):
            for their_part, our_part in BLOCK.items():
                weights[f"{theirs}.{their_part}.{kind}"] = given[f"{block}.{our_part}.{kind}"]
            parts = given[f"{block}.attn.in_proj_{kind}"].chunk(3)
            for name, part in zip("qkv", parts):
                weights[f"{theirs}.self_attn.{name}_proj.{kind}"] = part
    return weights


def load(model, weights):
    # Position ids are no weights; everything else must be there.
    missing, unexpected = model.load_state_dict(weights, strict=False)
    missing = [key for key in missing if not key.endswith("position_ids")]
    if missing or unexpected:
        raise ValueError(f"missing {missing}, left over {unexpected}")


def sizes(tower, clip, **further):
    return dict(
        hidden_size=tower["width"],
        intermediate_size=4 * tower["width"],
        num_hidden_layers=tower["layers"],
        num_attention_heads=tower["heads"],
        projection_dim=clip["embed_dim"],
        hidden_act=clip["activation"],
        attn_implementation="sdpa",
        **further,
    )


class ImageEncoder(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixels):
        return self.model(pixel_values=pixels).image_embeds


class TextEncoder(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids):
        return self.model(input_ids=ids).text_embeds


def image_encoder(clip, given):
    vision = clip["vision"]
    further = dict(image_size=vision["image_size"], patch_size=vision["patch_size"])
    model = CLIPVisionModelWithProjection(CLIPVisionConfig(**sizes(vision, clip, **further)))
    given = {key.removeprefix("visual."): value for key, value in given.items()}
    weights = renamed(IMAGE, given, "vision_model.", vision["layers"])
    load(model, weights | {"visual_projection.weight": given["proj"].T.contiguous()})
    return ImageEncoder(model)


def text_encoder(clip, given):
    text = clip["text"]
    # With this end token the model looks for the highest id, as the original does; the first one matters to no encoder.
    further = dict(
        vocab_size=text["vocab_size"],
        max_position_embeddings=text["context_length"],
        eos_token_id=2,
        bos_token_id=0,
    )
    model = CLIPTextModelWithProjection(CLIPTextConfig(**sizes(text, clip, **further)))
    weights = renamed(TEXT, given, "text_model.", text["layers"])
    load(model, weights | {"text_projection.weight": given["text_projection"].T.contiguous()})
    return TextEncoder(model)
